"""Everything that belongs to one sequence."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass

from engine.text.adapters.adapter import Adapter
from engine.text.answer import AnswerStream
from engine.text.sampler import Chooser
from engine.text.sequence import Sequence
from engine.ticket import TextTicket


@dataclass(slots=True, eq=False)
class Completion:
    ticket: TextTicket
    sequence: Sequence
    chooser: Chooser
    stream: AnswerStream
    adapter: Adapter | None

    def may_wait(self, tokens: Several[int], eos_ids: frozenset[int]) -> bool:
        """Whether these, its last ones, may be told later than they are chosen: something was told already, nothing
        ends with them, and none of them decides what comes next or what the others are."""
        return (
            self.ticket.completion_tokens > 0
            and self.chooser.looks_ahead
            and self.stream.takes_together(tokens)
            and not self._ends_with(tokens[-1], eos_ids)
        )

    def _ends_with(self, token: int, eos_ids: frozenset[int]) -> bool:
        is_end = token in eos_ids and not self.ticket.request.params.ignore_eos
        return is_end or len(self.sequence.tokens) >= self.sequence.last_token
