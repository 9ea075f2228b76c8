"""The completions under way: what was chosen for each is told, and each ends once."""

from __future__ import annotations

import logging
from contextlib import suppress

from engine.forecast import Forecast
from engine.metrics import Counters
from engine.text.completion import Completion
from engine.text.logprobs import TokenBytes
from engine.text.scheduler import Scheduler
from engine.text.sequence import Sequence
from engine.text.telling import Telling
from engine.ticket import INTERNAL
from engine.types import TOO_LATE, FinishReason

logger = logging.getLogger(__name__)


class Completions:
    """By the ids of their requests."""

    def __init__(
        self,
        scheduler: Scheduler,
        counters: Counters,
        forecast: Forecast,
        *,
        token_bytes: TokenBytes,
        eos_ids: frozenset[int],
        tell_seconds: float,
    ) -> None:
        """tell_seconds: how long tokens may wait to be told together; 0: each is told at once."""
        self._scheduler, self._counters, self._forecast = scheduler, counters, forecast
        self._token_bytes, self._eos_ids = token_bytes, eos_ids
        self._there: dict[str, Completion] = {}
        self._timed: dict[str, Completion] = {}
        """Those that must end by some time."""
        self._telling = Telling(tell_seconds, self._tell_together)

    def __len__(self) -> int:
        return len(self._there)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._there

    def __getitem__(self, request_id: str) -> Completion:
        return self._there[request_id]

    def get(self, request_id: str) -> Completion | None:
        return self._there.get(request_id)

    def of(self, sequence: Sequence) -> Completion | None:
        """None where it has ended, though another one may have come with its id."""
        found = self._there.get(sequence.id)
        return found if found is not None and found.sequence is sequence else None

    def add(self, completion: Completion) -> None:
        request = completion.ticket.request
        self._there[request.id] = completion
        if request.deadline_seconds is not None:
            self._timed[request.id] = completion
        self._scheduler.add(completion.sequence)

    def give(self, completion: Completion, tokens: list[int], now: float) -> None:
        """What was chosen for it, one token at least; its sequence has them already."""
        if self._telling.waits and completion.may_wait(tokens, self._eos_ids):
            self._telling.add(completion, tokens, now)
        else:
            self._telling.now(completion)
            self._tell_each(completion, tokens)

    def tell_some(self, device_seconds: float) -> None:
        """Of what waits, while the device computes for about so long. It may end some of them: a receiver fails."""
        self._telling.some(device_seconds)

    def end_overdue(self) -> None:
        for completion in list(self._timed.values()):
            if completion.ticket.overdue:
                self.finish(completion, FinishReason.ERROR, "deadline", TOO_LATE)

    def fail(self, completion: Completion, code: str, error: str) -> None:
        """What was computed for it may be what is wrong, so nobody else gets that."""
        self._telling.now(completion)
        self._remove(completion, forget=True)
        self.finish(completion, FinishReason.ERROR, code, error)

    def fail_all(self, code: str, error: str) -> None:
        for completion in list(self._there.values()):
            self._telling.now(completion)
            self._timed.pop(completion.sequence.id, None)
            if self._there.pop(completion.sequence.id, None) is not None:  # else it has ended by itself
                completion.chooser.close()
                with suppress(Exception):  # whatever is broken, everybody is told the end
                    completion.ticket.tell(completion.stream.finish())
                completion.ticket.fail(code, error)

    def finish(self, completion: Completion, reason: FinishReason, code: str = "", error: str = "") -> None:
        self._telling.now(completion)
        self._remove(completion)
        if completion.ticket.finished:  # its sink broke
            return
        try:
            completion.ticket.tell(completion.stream.finish())
            if completion.stream.stopped and reason is FinishReason.LENGTH:
                reason = FinishReason.STOP
        finally:
            completion.ticket.finish(reason, code, error)
        if reason in (FinishReason.STOP, FinishReason.LENGTH):
            made = completion.ticket.completion_tokens
            self._forecast.ended(made, completion.sequence.last_token - completion.sequence.prompt_tokens)

    def _tell_together(self, completion: Completion, tokens: list[int]) -> None:
        """Tokens that waited."""
        stream, ticket = completion.stream, completion.ticket
        self._counters.completion_tokens += len(tokens)
        try:
            ticket.token(len(tokens))
            segments = stream.push_all(tokens)
            if stream.reasoning:
                ticket.thought(len(tokens))
            ticket.tell(segments)
            if ticket.finished:  # its sink broke
                self._remove(completion)
        except Exception:
            self._broke(completion)

    def _tell_each(self, completion: Completion, tokens: list[int]) -> None:
        for token in tokens:
            if completion.sequence.id not in self._there:  # it ended with the token before
                break
            self._counters.completion_tokens += 1
            try:
                self._tell(completion, token)
            except Exception:
                self._broke(completion)

    def _tell(self, completion: Completion, token: int) -> None:
        """One new token: tell its text, and finish where it was the last."""
        ticket, params = completion.ticket, completion.ticket.request.params
        ticket.token()
        completion.chooser.chosen(token)
        if ticket.finished:  # its sink broke
            self._remove(completion)
        elif token in self._eos_ids and not params.ignore_eos:
            self.finish(completion, FinishReason.STOP)
        else:
            segments = completion.stream.push(token)
            if completion.stream.reasoning:
                ticket.thought()
            if completion.stream.told and completion.chooser.found is not None:
                ticket.logprob(self._token_bytes.told(completion.chooser.found))
            ticket.tell(segments)
            if completion.stream.stopped:
                self.finish(completion, FinishReason.STOP)
            elif ticket.prompt_tokens + ticket.completion_tokens >= completion.sequence.last_token:
                self.finish(completion, FinishReason.LENGTH)

    def _broke(self, completion: Completion) -> None:
        logger.exception("Request %s failed", completion.sequence.id)
        self._remove(completion)
        completion.ticket.fail("internal", INTERNAL)

    def _remove(self, completion: Completion, *, forget: bool = False) -> None:
        self._timed.pop(completion.sequence.id, None)
        if self._there.pop(completion.sequence.id, None) is not None:
            self._scheduler.remove(completion.sequence, forget=forget)
            completion.chooser.close()
