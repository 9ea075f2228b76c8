"""One request's grammar, in its own process: after each token, which ones may come next."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
from collections.abc import Iterator
from time import process_time

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from engine.grammar import WHITESPACE
from engine.grammar.wire import TOKEN, Tag, receive, send

COMPILE_SECONDS = 5.0
"""Of processor time, so that a busy machine is not the schema's fault; then the kernel ends the process."""
SAVED_SECONDS = 1.0
"""For the masks together, and so much more with each token: a step of the engine waits for the slowest of its masks."""
TOKEN_SECONDS = 0.02
MEMORY = 2 * 1024**3
"""Bytes of address space; Python and a tokenizer of 50,000 tokens take a tenth of it."""


def follow(connection: socket.socket, tokenizer: LLTokenizer) -> None:
    """Returns when the engine has closed its end, or after saying why it can't go on."""
    _limit_memory()
    with contextlib.suppress(EOFError, OSError):
        kind, text = receive(connection)
        with _at_most(COMPILE_SECONDS):
            matcher = _matcher(kind, text.decode(), tokenizer)
            mask = _mask(matcher)
        saved = SAVED_SECONDS
        while _tell(connection, matcher, mask):
            token = TOKEN.unpack(receive(connection)[1])[0]
            saved = min(saved + TOKEN_SECONDS, SAVED_SECONDS)
            began = process_time()
            with _at_most(saved):
                matcher.consume_token(token)
                mask = _mask(matcher)
            saved = max(saved - (process_time() - began), 0.0)


def _mask(matcher: LLMatcher) -> bytes:
    """Empty in error: there the library would allow the end."""
    return b"" if matcher.is_error() else matcher.compute_bitmask()


def _tell(connection: socket.socket, matcher: LLMatcher, mask: bytes) -> bool:
    """Send the mask, or why there is none. Returns whether it goes on."""
    if matcher.is_error():
        send(connection, Tag.REFUSED, _reason(matcher.get_error()).encode())
        return False
    send(connection, Tag.MASK, mask)
    return True


def _matcher(kind: Tag, text: str, tokenizer: LLTokenizer) -> LLMatcher:
    if kind is Tag.JSON_SCHEMA:
        grammar = LLMatcher.grammar_from_json_schema(text, overrides={"whitespace_pattern": WHITESPACE})
    elif kind is Tag.REGEX:
        grammar = LLMatcher.grammar_from_regex(text)
    else:
        grammar = LLMatcher.grammar_from_lark(text)
    limits = LLParserLimits(max_grammar_size=100_000, max_lexer_states=50_000, verbose_errors=False)
    return LLMatcher(tokenizer, grammar, log_level=0, limits=limits)


def _reason(error: str) -> str:
    """What is wrong, from the library's message of many lines."""
    if "NoExtension" in error:
        return "nothing matches it"
    if "panic" in error:
        return "it is too large"
    lines = [line.strip() for line in error.splitlines() if line.strip() and not line.startswith("<")]
    named = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (named[-1] if named else lines[0] if lines else "it can't be read")[:300]


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Of processor time. The signal ends the process: nothing in it could, in the middle of the library's work."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
