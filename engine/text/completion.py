"""Everything that belongs to one sequence."""

from __future__ import annotations

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
    last_token: int
    """It ends when it has so many tokens, the prompt's included."""

    @property
    def may_wait(self) -> bool:
        """Whether its tokens may be told later than they are chosen: none of them decides what comes next."""
        return self.stream.takes_several and self.chooser.looks_ahead

    def ends_with(self, token: int, eos_ids: frozenset[int]) -> bool:
        """Whether the last of its tokens, this one, is one behind which nothing comes."""
        is_end = token in eos_ids and not self.ticket.request.params.ignore_eos
        return is_end or len(self.sequence.tokens) >= self.last_token
