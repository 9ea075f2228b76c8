"""One chunk of a chat completion. What it holds comes from outside: every type is checked, everything else ignored."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

from engine.remote.failures import SERVER, UpstreamFailure, broken, in_stream
from engine.types import FinishReason

DONE = "[DONE]"
MAX_COUNT = 100_000_000
"""Tokens; a larger number is nonsense."""
REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.STOP,
}
FILTERED = f"{SERVER} withheld the rest of this answer: its content filter objected. Try to ask differently."


@dataclass(frozen=True, slots=True)
class CallPart:
    """A piece of a tool call: its name and arguments come in pieces that belong together by `index`."""

    index: int
    name: str
    arguments: str


class Counted(NamedTuple):
    """Tokens, as the server counted them."""

    prompt: int
    completion: int
    reasoning: int
    """Of the completion; 0 also where it doesn't say."""


@dataclass(frozen=True, slots=True)
class Chunk:
    text: str = ""
    reasoning: str = ""
    """What a reasoning model thinks before it answers."""
    calls: tuple[CallPart, ...] = ()
    finish: str = ""
    """The server's own word for why it ended; "" where it goes on."""
    usage: Counted | None = None


def read_chunk(data: str) -> Chunk:
    """Raises UpstreamFailure where it is no chunk, or an error in place of one."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise broken("sent something that is no JSON") from error
    if not isinstance(raw, dict):
        raise broken("sent JSON that is no chunk of an answer")
    if raw.get("error") or raw.get("object") == "error":
        raise in_stream(raw)
    choices = raw.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {}
    return Chunk(
        text=_text(delta.get("content")),
        reasoning=_text(delta.get("reasoning_content")) or _text(delta.get("reasoning")),
        calls=_calls(delta.get("tool_calls")),
        finish=_text(choice.get("finish_reason")),
        usage=_usage(raw.get("usage")),
    )


def end_of(word: str) -> FinishReason:
    """What a finish_reason means here. Raises UpstreamFailure where it is no end that an answer should have."""
    if word == "content_filter":
        raise UpstreamFailure("content_filter", FILTERED)
    if word in REASONS:
        return REASONS[word]
    raise broken(f"gave up on this answer ({word[:40]!r})")


class Characters:
    """Text whose surrogate pairs may be torn apart between two chunks: given on only when they are whole."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def push(self, text: str, *, final: bool = False) -> str:
        return self._decoder.decode(text.encode("utf-16-le", "surrogatepass"), final)


def _calls(raw: object) -> tuple[CallPart, ...]:
    found = []
    for place, part in enumerate(raw if isinstance(raw, list) else []):
        told = part.get("function") if isinstance(part, dict) else None
        if isinstance(told, dict):
            index = part.get("index")
            index = index if _is_count(index) else place
            found.append(CallPart(index, _text(told.get("name")), _text(told.get("arguments"))))
    return tuple(found)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _usage(raw: Any) -> Counted | None:
    if not isinstance(raw, dict):
        return None
    prompt, completion = raw.get("prompt_tokens"), raw.get("completion_tokens")
    if not (_is_count(prompt) and _is_count(completion)):
        return None
    details = raw.get("completion_tokens_details")  # OpenAI and vLLM; SGLang has it beside the others
    reasoning = (details if isinstance(details, dict) else raw).get("reasoning_tokens")
    return Counted(prompt, completion, min(reasoning, completion) if _is_count(reasoning) else 0)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT
