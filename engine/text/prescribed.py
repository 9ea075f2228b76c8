"""An output format, kept to by the answer: what a model thinks before it answers is free."""

from __future__ import annotations

from engine.grammar.process import Constraint
from engine.text.answer import AnswerStream


class Prescribed:
    """The format of one completion whose tokens go through `stream`, each after it was given to `advance`."""

    def __init__(self, constraint: Constraint, stream: AnswerStream, *, of_calls: bool = False) -> None:
        """of_calls: it prescribes calls of tools, with their marks and headers, and not the answer's text."""
        self._constraint, self._stream, self._of_calls = constraint, stream, of_calls
        self._begun = False
        """Whether a token of the answer was chosen."""

    def mask(self) -> bytes | None:
        """As that of a Constraint, with the token that begins the reasoning where it may begin; None while the model
        thinks, for any token may come. Raises FormatRefused."""
        if not self._binds:
            return None
        mask, opening = self._constraint.mask(), self._opening
        if opening is None:
            return mask
        allowed = bytearray(mask)
        allowed[opening // 8] |= 1 << opening % 8
        return bytes(allowed)

    def advance(self, token: int) -> None:
        if self._binds and token != self._opening:
            self._begun = True
            self._constraint.advance(token)

    def close(self) -> None:
        self._constraint.close()

    @property
    def _binds(self) -> bool:
        return not self._stream.thinks if self._of_calls else self._stream.answers

    @property
    def _opening(self) -> int | None:
        return None if self._begun else self._stream.opening
