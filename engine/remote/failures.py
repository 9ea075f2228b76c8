"""What can go wrong with an upstream, as a code for programs and a sentence for people.

What the server itself said is quoted as text, cut short; the key is never part of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

SERVER = "The server of this model"
MAX_QUOTE = 200
RETRY_STATUSES = {429, 502, 503}
LIMIT = re.compile(r"context (?:length|size|window)(?: is| of)? ?\(?(\d{1,9})", re.IGNORECASE)
"""vLLM, SGLang, OpenAI: “maximum context length is 8192 tokens”, “the model's context length (8192 tokens)”."""
PROMPT = re.compile(
    r"\((\d{1,9}) in the messages|(\d{1,9}) tokens from the input|request has (\d{1,9}) input tokens"
    r"|at least (\d{1,9}) input tokens|messages resulted in (\d{1,9})|the input \((\d{1,9}) tokens",
    re.IGNORECASE,
)


@dataclass
class UpstreamFailure(Exception):
    """`may_retry`: asking again may help. `after`: seconds that the server asks to wait first."""

    code: str
    message: str
    may_retry: bool = False
    after: float | None = None

    def __str__(self) -> str:
        return self.message


@dataclass
class ContextOverflow(UpstreamFailure):
    """`prompt` and `limit` in tokens, None where the server didn't say."""

    prompt: int | None = None
    limit: int | None = None

    @property
    def room(self) -> int:
        """Tokens that an answer may have; 0 where unknown or none."""
        return max(0, self.limit - self.prompt) if self.limit and self.prompt else 0


def unreachable(why: str) -> UpstreamFailure:
    return UpstreamFailure("upstream_unreachable", f"{SERVER} can't be reached: {why}. Try again later.", True)


def broken(why: str, *, may_retry: bool = False) -> UpstreamFailure:
    """It answered, but not as such a server should."""
    return UpstreamFailure(
        "upstream_broken", f"{SERVER} {why}. Try again; if it stays so, tell an administrator.", may_retry
    )


def refusal(status: int, body: bytes, retry_after: str | None = None) -> UpstreamFailure:
    """For an answer that isn't 200. `body` may be cut off."""
    said, told = message_in(body), _quoted(message_in(body))
    if status in RETRY_STATUSES:
        after = seconds_of(retry_after)
        wait = f" It asks to wait {after:,.0f} seconds." if after else ""
        sentence = f"{SERVER} has no room for this request now ({status}).{wait} Try again later."
        return UpstreamFailure("upstream_busy", sentence, True, after)
    if status in {401, 403}:
        return UpstreamFailure(
            "upstream_refused", f"{SERVER} does not accept our key ({status}). Tell an administrator."
        )
    if 300 <= status < 400:
        return broken(f"sent us elsewhere ({status}), where we don't go: its address may be wrong")
    if status in {400, 413, 422} and is_overflow(said):
        return overflow(said)
    if status >= 500:
        return UpstreamFailure("upstream_failed", f"{SERVER} failed ({status}){told}. Try again later.")
    return UpstreamFailure("upstream_refused", f"{SERVER} refused the request ({status}){told}.")


def in_stream(error: object) -> UpstreamFailure:
    """An error that comes in place of the next piece of an answer."""
    said = _message(error)
    if is_overflow(said):
        return overflow(said)
    return UpstreamFailure("upstream_failed", f"{SERVER} failed while it wrote this answer{_quoted(said)}. Try again.")


def is_overflow(said: str) -> bool:
    text = said.lower()
    return "context" in text and any(word in text for word in ("length", "size", "window"))


def overflow(said: str) -> ContextOverflow:
    limit, prompt = LIMIT.search(said), PROMPT.search(said)
    most = int(limit[1]) if limit else None
    has = next((int(group) for group in prompt.groups() if group), None) if prompt else None
    reads = f", which reads {most:,} tokens at most, its answer included" if most else ""
    is_long = f" It has {has:,}." if has else ""
    sentence = f"The conversation is too long for this model{reads}.{is_long} Shorten your message, or start a new one."
    return ContextOverflow("context_overflow", sentence, prompt=has, limit=most)


def message_in(body: bytes) -> str:
    """The words in an error's body: OpenAI's `{"error": {"message": …}}` and its relatives, or plain text."""
    text = body.decode("utf-8", "replace")
    try:
        return _message(json.loads(text))
    except (ValueError, RecursionError):
        return "" if "<" in text else text  # a proxy's page is no sentence


def seconds_of(retry_after: str | None) -> float | None:
    """Of a Retry-After header: a number of seconds, or a date."""
    if not retry_after:
        return None
    try:
        return min(max(0.0, float(retry_after)), 1e6)
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (ValueError, OverflowError):
        return None


def _message(error: object) -> str:
    for name in ("error", "message", "detail"):
        if isinstance(error, dict) and error.get(name):
            return _message(error[name])
    if isinstance(error, str):
        return error
    return "" if error is None else json.dumps(error, ensure_ascii=False)


def _quoted(said: str) -> str:
    plain = " ".join("".join(each if each.isprintable() else " " for each in said[: 4 * MAX_QUOTE]).split())
    if len(plain) > MAX_QUOTE:
        plain = plain[: MAX_QUOTE - 1] + "…"
    return f": “{plain.rstrip('.')}”" if plain else ""
