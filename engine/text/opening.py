"""Requests with an output format, while processes of their own read its grammar and the other requests run."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from engine.answers.demanded import calls_grammar, can_demand
from engine.grammar.process import Constraint, FormatRefused, GrammarProcess
from engine.text.loader import LoadedModel
from engine.ticket import TextTicket
from engine.types import GenerationRequest, OutputFormat

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""How many grammars are read at the same time: one that takes long doesn't hold up the next."""
INTERNAL = "The output format could not be read. The administrator finds the reason in the worker's log."
TOO_LATE = "The output format wasn't ready in the time that was asked for."
SCHEMA_OF_TOOLS = "schema of the tools"
NO_CALLS = "How this model writes calls of tools isn't known, so it can't be held to one."
NO_END = "This model has no end-of-sequence token, so its output can't be given a format."


class Openings:
    """Call from the engine thread only; nothing here waits but `wait`.

    most: how many formats may be followed at once; the next requests wait in line.
    """

    def __init__(self, model: LoadedModel, most: int) -> None:
        vocabulary = max(model.vocabulary, model.tokenizer.get_vocab_size(with_added_tokens=True))
        added = model.tokenizer.get_added_tokens_decoder().items()
        self._marks = {each.content: token for token, each in added}
        self._can_end = bool(model.eos_ids)
        self._grammars = GrammarProcess(model.tokenizer.to_str, vocabulary, model.eos_ids)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="grammar")
        self._most = most
        self._line: deque[TextTicket] = deque()
        self._reading: dict[str, tuple[TextTicket, Future[Constraint]]] = {}

    def __len__(self) -> int:
        return len(self._line) + len(self._reading)

    def add(self, ticket: TextTicket) -> None:
        request = ticket.request
        if not self._can_end:
            ticket.fail("bad_request", NO_END)
        elif request.demanded is not None and not can_demand(request.answer_format):
            ticket.fail("bad_request", NO_CALLS)
        else:
            self._line.append(ticket)

    def opened(self) -> Iterator[tuple[TextTicket, Constraint]]:
        """Those that can begin now. Those whose format is refused, or comes too late, end here."""
        for ticket in [one for one in self._waiting() if one.overdue]:
            self.remove(ticket.id)
            ticket.fail("deadline", TOO_LATE)
        while self._line and len(self._reading) < AT_ONCE and self._grammars.open < self._most:
            ticket = self._line.popleft()
            self._reading[ticket.id] = (ticket, self._threads.submit(self._follow, ticket.request))
        for ticket, reading in [pair for pair in self._reading.values() if pair[1].done()]:
            del self._reading[ticket.id]
            try:
                yield ticket, reading.result()
            except FormatRefused as error:
                ticket.fail("bad_request", str(error))
            except Exception:
                logger.exception("The output format of request %s could not be read", ticket.id)
                ticket.fail("internal", INTERNAL)

    def _follow(self, request: GenerationRequest) -> Constraint:
        """In a thread of its own."""
        if request.demanded is not None:
            grammar = calls_grammar(request.answer_format, request.demanded, self._marks)
            return self._grammars.follow(OutputFormat("lark", grammar), SCHEMA_OF_TOOLS)
        assert request.params.output_format is not None
        return self._grammars.follow(request.params.output_format)

    def remove(self, request_id: str) -> TextTicket | None:
        """Take a request out that waits here. What is being read for it is closed once it is there."""
        if request_id in self._reading:
            ticket, reading = self._reading.pop(request_id)
            reading.add_done_callback(_close)
            return ticket
        waiting = next((one for one in self._line if one.id == request_id), None)
        if waiting is not None:
            self._line.remove(waiting)
        return waiting

    def remove_all(self) -> list[TextTicket]:
        return [ticket for one in self._waiting() if (ticket := self.remove(one.id)) is not None]

    def _waiting(self) -> list[TextTicket]:
        return [*(ticket for ticket, _ in self._reading.values()), *self._line]

    def wait(self, seconds: float) -> None:
        """Until one of them may have become ready, but not longer."""
        wait([reading for _, reading in self._reading.values()], seconds, FIRST_COMPLETED)


def _close(reading: Future[Constraint]) -> None:
    if not reading.cancelled() and reading.exception() is None:
        reading.result().close()
