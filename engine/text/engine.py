"""One loaded text model at work: schedule → run → sample → deliver."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter

from engine.config import EngineConfig
from engine.forecast import Forecast, Work
from engine.grammar.process import Constraint
from engine.lora.shelf import Shelf
from engine.made_with import made_with
from engine.metrics import Counters
from engine.overload import too_long
from engine.room import Spare, unlimited
from engine.source import FolderSource, ModelSource
from engine.text.adapters.adapter import Adapter, load_adapter
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.beginning import Beginning
from engine.text.block_manager import BlockManager
from engine.text.budget import blocks_for
from engine.text.checks import refusal
from engine.text.completions import Completions
from engine.text.computing import Computing, NextTokens
from engine.text.loader import LoadedModel
from engine.text.logprobs import TokenBytes
from engine.text.opening import Openings
from engine.text.pacing import Pacing
from engine.text.runner import AnyRunner, runner_of
from engine.text.scheduler import Scheduler, Step
from engine.text.sequence import Sequence
from engine.text.telling import tell_seconds
from engine.ticket import TextTicket, Ticket
from engine.types import FinishReason
from engine.weights import Weights

WRONG_KIND = "This model writes, it doesn't draw pictures. Choose a model of pictures."
LOOK_SECONDS = 0.002
"""How long a step with nothing to compute waits for an output format that is being read, or for an adapter."""
NO_ADAPTERS = "Adapters don't go with this model's architecture. Choose the model itself, or another one."
NO_SOURCE = FolderSource()
"""For engines whose requests name no adapters."""


class TextEngine:
    """Call from the engine thread only, in inference mode. Every ticket it takes ends in its finish."""

    def __init__(
        self,
        model: LoadedModel,
        config: EngineConfig,
        counters: Counters,
        source: ModelSource = NO_SOURCE,
        *,
        room: int | None = None,
        weights: Weights = "full",
        make_room: Callable[[], object] = lambda: None,
        spare: Spare = unlimited,
        is_alone: Callable[[], bool] = lambda: True,
        make_runner: Callable[[LoadedModel, EngineConfig, int], AnyRunner] = runner_of,
    ) -> None:
        """source: of adapters. room: bytes for the cache, where that is known. weights: how `model` keeps them.
        make_room: called when a step finds too little memory. spare: asked before an adapter is read. is_alone: whether
        nobody else wants the device, which may be given the next step then before this one's end. make_runner: as
        `runner_of`.

        Raises TooSmall where the cache doesn't hold one sequence, ValueError for an impossible attention.
        """
        self._model = model
        self._config = config
        self._counters = counters
        self._is_alone = is_alone
        self._computed_at = 0.0
        """When the last step's tokens were there."""
        self._beginning = Beginning(model, config)
        blocks = blocks_for(model.shape, config, model.context_length, room)
        self._blocks = BlockManager(blocks, BLOCK_SIZE, prefix_cache=config.prefix_cache and model.is_own)
        self._scheduler = Scheduler(config.max_sequences, self._blocks)
        self._pacing = Pacing(config.prefill_tokens, config.stall_factor)
        self._forecast = Forecast()
        self._runner = make_runner(model, config, blocks)
        self._tell_seconds = tell_seconds(config, model.device.type)
        self._completions = Completions(
            self._scheduler, counters, self._forecast, token_bytes=TokenBytes(model.tokenizer), eos_ids=model.eos_ids,
            tell_seconds=self._tell_seconds,
        )  # fmt: skip
        self._openings = Openings(model, config.max_sequences)
        self._adapters: Shelf[TextTicket, Adapter] = Shelf(
            partial(load_adapter, model=model), model, source, config, counters, spare
        )
        cache = "prefixes" if config.prefix_cache else "off"
        self._computing = Computing(
            model, self._runner, self._completions, counters, make_room=make_room,
            made_with=made_with(model.device, model.dtype, self.attention, cache=cache, weights=weights),
        )  # fmt: skip

    @property
    def busy(self) -> bool:
        return bool(self._completions or self._openings or self._adapters)

    @property
    def running(self) -> int:
        return self._scheduler.running

    @property
    def waiting(self) -> int:
        return self._scheduler.waiting

    @property
    def attention(self) -> str:
        """Which way of computing attention was chosen."""
        return self._runner.attention

    @property
    def adapters(self) -> tuple[str, ...]:
        """Keys of the loaded ones."""
        return self._adapters.loaded

    @property
    def cache_bytes(self) -> int:
        return self._runner.nbytes + self._adapters.nbytes

    def predicted_wait(self, unread: int | None = None) -> float | None:
        """Seconds until one more request would be read, one of so many tokens; None where nothing was measured yet.
        From any thread."""
        running, waiting = ([self._work(one) for one in line] for line in self._scheduler.ahead)
        return self._forecast.wait(running, waiting, self._config.max_sequences, unread)

    def _work(self, sequence: Sequence) -> Work:
        completion = self._completions.get(sequence.id)
        allowed = 0 if completion is None else sequence.last_token - sequence.prompt_tokens
        unread = sequence.uncached if sequence.uncached > 1 else 0
        return Work(unread, self._forecast.left(sequence.completion_tokens, allowed))

    def add(self, ticket: Ticket) -> None:
        """Take a request; a bad one ends at once, and one that would wait for too long."""
        if not isinstance(ticket, TextTicket):
            ticket.fail("bad_request", WRONG_KIND)
            return
        request = ticket.request
        wrong = refusal(request, self._model.context_length, self._model.vocabulary, sees=self._model.sees)
        if request.adapter is not None and not self._model.is_own:
            wrong = ("bad_request", NO_ADAPTERS)
        # Nothing is foretold where nobody asks: it looks at all that runs and waits.
        limits = ticket.seconds_left, self._config.max_wait_seconds
        asked = any(limit is not None for limit in limits)
        late = too_long(self.predicted_wait(len(request.prompt_ids)), *limits) if asked else None
        if wrong is None and late is not None:
            wrong = late
            self._counters.refused += 1
        if wrong is not None:
            ticket.fail(*wrong)
        elif request.adapter is None or self._adapters.take(ticket):
            self._open(ticket)

    def _open(self, ticket: TextTicket) -> None:
        """Its adapter, where it wants one, is there."""
        if ticket.request.params.output_format is not None or ticket.request.demanded is not None:
            self._openings.add(ticket)
        else:
            self._begin(ticket, None)

    def _begin(self, ticket: TextTicket, constraint: Constraint | None) -> None:
        if not self._completions:
            self._runner.settle()
        wanted = ticket.request.adapter
        adapter = None if wanted is None else self._adapters[wanted.key]
        completion = self._beginning.completion_of(ticket, constraint, adapter)
        if completion is not None:
            self._completions.add(completion)

    def cancel(self, request_id: str) -> None:
        if request_id in self._completions:
            self._completions.finish(self._completions[request_id], FinishReason.CANCELLED)
        elif (ticket := self._openings.remove(request_id) or self._adapters.remove(request_id)) is not None:
            ticket.finish(FinishReason.CANCELLED)
        self._forget_if_over()

    def fail_all(self, code: str, error: str) -> None:
        """End everything: the engine is stopping, or broken beyond one sequence."""
        self._completions.fail_all(code, error)
        self._forget_if_over()
        for ticket in self._openings.remove_all() + self._adapters.remove_all():
            ticket.fail(code, error)

    def rest(self) -> bool:
        return self._runner.settle()

    def step(self) -> None:
        """Compute a pass for all running sequences, or several, and deliver what came of it."""
        self._completions.end_overdue()
        self._forget_if_over()
        for ticket in self._adapters.ready():
            self._open(ticket)
        for ticket, constraint in self._openings.opened():
            self._begin(ticket, constraint)
        step, began = self._computing.under_way, self._computed_at
        if step is None or not self._is_alone():  # others may have had the device since
            began = perf_counter()
        if step is None:
            step = self._scheduled(began)
        if step is None:
            self._openings.wait(LOOK_SECONDS)
            self._adapters.wait(LOOK_SECONDS)
            return
        chosen = self._computing.compute(step, self._following)
        self._computed_at = perf_counter()
        self._account(step, self._computed_at - began)
        self._deliver(chosen)
        self._forget_if_over()

    def _forget_if_over(self) -> None:
        """What is under way, where all have ended for whom it was."""
        if not self._completions:
            self._computing.forget()

    def _scheduled(self, now: float) -> Step | None:
        decoding = self._scheduler.decoding
        passes = self._passes(decoding) if self._runner.goes_on else 1
        step = self._scheduler.schedule(self._pacing.prefill_tokens(decoding), now, passes)
        for sequence in () if step is None else step.admitted:
            self._computing.begin(self._completions[sequence.id])
        return step

    def _following(self, step: Step) -> Step | None:
        return self._scheduler.follow(step, self._passes(len(step.decodes))) if self._is_alone() else None

    def _passes(self, decoding: int) -> int:
        """Tokens may wait to be told, so they may as well wait on the device."""
        return self._pacing.passes(decoding, self._tell_seconds)

    def _account(self, step: Step, seconds: float) -> None:
        counters = self._counters
        counters.steps += step.passes
        counters.busy_seconds += seconds
        counters.prompt_tokens += sum(chunk.count for chunk in step.prefills)
        counters.preemptions += len(step.preempted)
        counters.prefix_hit_tokens += self._scheduler.take_hits()
        tokens = step.tokens
        self._pacing.took(tokens, seconds / step.passes)
        self._forecast.took(len(step.decodes), sum(chunk.count for chunk in step.prefills), seconds / step.passes)
        share = seconds / tokens
        for chunk in step.chunks:
            completion = self._completions.of(chunk.sequence)
            if completion is not None and chunk.start == chunk.sequence.cached:
                completion.ticket.device_seconds += share * chunk.rows

    def _deliver(self, chosen: NextTokens) -> None:
        for chunk, tokens in chosen:
            self._scheduler.advance(chunk, tokens)
            if chunk.draft:
                self._counters.drafted_tokens += len(chunk.draft)
                self._counters.accepted_tokens += max(0, len(tokens) - 1)
        now = perf_counter()
        for chunk, tokens in chosen:
            if tokens:
                self._completions.give(self._completions[chunk.sequence.id], tokens, now)
