"""From tokens to text that can be shown at once: never half a character, never part of a stop string."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class Detokenizer:
    """Incremental decoding of one completion. The pieces together are the decoded whole, but where bytes that were a
    character become none with those behind them: then what was told stands, and the text goes on."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._held: list[int] = []
        """Tokens whose text isn't told yet."""

    def push(self, *tokens: int) -> str:
        """The text that became complete with these tokens, often empty within a character of several."""
        self._held += tokens
        try:
            piece = self._stream.step(self._tokenizer, tokens[0] if len(tokens) == 1 else list(tokens)) or ""
        except Exception:  # "Invalid prefix": tokens that no encoder makes; its own class isn't exported
            self._stream = DecodeStream(skip_special_tokens=True)
            self._stream.step(self._tokenizer, tokens[-1])  # or what comes next would lose the space before it
            return self.finish()
        if piece:
            self._held.clear()
        return piece

    def finish(self) -> str:
        """What is left: bytes that never became a character, as the replacement character."""
        held, self._held = self._held, []
        return self._tokenizer.decode(held, skip_special_tokens=True)


class StopStrings:
    """Cuts text before the first stop string, and holds back what might be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = False

    def push(self, piece: str) -> str:
        """Text that is safe to show. After `found`, nothing more."""
        if not self._stops or self.found:
            return "" if self.found else piece
        text = self._held + piece
        places = [place for place in (text.find(stop) for stop in self._stops) if place >= 0]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)]
        keep = self._beginning(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """No more text comes: what was held back is text after all."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """Length of the longest end of `text` that begins a stop string."""
        longest = max(len(stop) for stop in self._stops) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
