"""One loaded text model at work: schedule → run → sample → deliver."""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

from engine.config import EngineConfig
from engine.device import is_out_of_memory, release_memory
from engine.forecast import Forecast, Work
from engine.grammar.process import Constraint
from engine.lora.shelf import Shelf
from engine.made_with import made_with
from engine.metrics import Counters
from engine.overload import too_long
from engine.source import FolderSource, ModelSource
from engine.text.adapters.adapter import Adapter, load_adapter
from engine.text.answer import AnswerStream
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.block_manager import BlockManager
from engine.text.budget import blocks_for
from engine.text.checks import refusal
from engine.text.completion import Completion
from engine.text.drafting import Drafter, confirmed
from engine.text.loader import LoadedModel
from engine.text.logprobs import TokenBytes
from engine.text.opening import Openings
from engine.text.pacing import Pacing
from engine.text.prescribed import Prescribed
from engine.text.runner import AnyRunner, runner_of
from engine.text.sampler import Chooser, begin_choosing
from engine.text.scheduler import Chunk, Scheduler, Step
from engine.text.sequence import Sequence
from engine.text.telling import Telling
from engine.ticket import TextTicket, Ticket
from engine.types import FinishReason
from engine.weights import Weights

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = "The device has too little memory left for this request. Try a shorter prompt, or try again later."
TOO_LATE = "The answer took longer than was asked for. What was written by then is kept."
WRONG_KIND = "This model writes, it doesn't draw pictures. Choose a model of pictures."
INTERNAL = "The engine failed on this request. The administrator finds the reason in the worker's log."
LOOK_SECONDS = 0.002
"""How long a step with nothing to compute waits for an output format that is being read, or for an adapter."""
NO_ADAPTERS = "Adapters don't go with this model's architecture. Choose the model itself, or another one."
NO_FORMAT = (
    "Where this model's thoughts end can't be told before its answer has begun, so its answer can't be given a format. "
    "Choose Text, or another model."
)
TELL_SECONDS = 0.02
"""How long tokens wait to be told, on an accelerator."""
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
        make_runner: Callable[[LoadedModel, EngineConfig, int], AnyRunner] = runner_of,
    ) -> None:
        """source: of adapters. room: bytes for the cache, where that is known. weights: how `model` keeps them.
        make_room: called when a step finds too little memory. make_runner: as `runner_of`.

        Raises TooSmall where the cache doesn't hold one sequence, ValueError for an impossible attention.
        """
        self._model = model
        self._config = config
        self._counters = counters
        self._seeds = random.Random(config.seed)  # noqa: S311 - sampling, not secrets
        blocks = blocks_for(model.shape, config, model.context_length, room)
        self._blocks = BlockManager(blocks, BLOCK_SIZE, prefix_cache=config.prefix_cache and model.is_own)
        self._scheduler = Scheduler(config.max_sequences, self._blocks)
        self._pacing = Pacing(config.prefill_tokens, config.stall_factor)
        self._forecast = Forecast()
        self._make_room = make_room
        self._runner = make_runner(model, config, blocks)
        self._completions: dict[str, Completion] = {}
        self._timed: dict[str, Completion] = {}
        """Those that must end by some time."""
        tell_seconds = config.tell_seconds
        if tell_seconds is None:
            tell_seconds = 0.0 if model.device.type == "cpu" else TELL_SECONDS
        self._telling = Telling(tell_seconds, self._tell_together)
        self._device_seconds = 0.0
        """How long the device computed at the last step, after all was launched."""
        self._openings = Openings(model, config.max_sequences)
        self._adapters: Shelf[TextTicket, Adapter] = Shelf(
            partial(load_adapter, model=model), model.device, source, config, counters
        )
        self._token_bytes = TokenBytes(model.tokenizer)
        cache = "prefixes" if config.prefix_cache else "off"
        self._made_with = made_with(model.device, model.dtype, self.attention, cache=cache, weights=weights)

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

    def predicted_wait(self) -> float | None:
        """Seconds until one more request would be read; None where nothing was measured yet. From any thread."""
        running, waiting = ([self._work(one) for one in line] for line in self._scheduler.ahead)
        return self._forecast.wait(running, waiting, self._config.max_sequences)

    def _work(self, sequence: Sequence) -> Work:
        completion = self._completions.get(sequence.id)
        allowed = 0 if completion is None else completion.last_token - sequence.prompt_tokens
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
        limits = request.deadline_seconds, self._config.max_wait_seconds
        late = too_long(self.predicted_wait(), *limits) if any(limit is not None for limit in limits) else None
        if wrong is None and late is not None:
            wrong = late
            self._counters.refused += 1
        if wrong is not None:
            ticket.fail(*wrong)
        elif request.adapter is None or self._adapters.take(ticket):
            self._open(ticket)

    def _open(self, ticket: TextTicket) -> None:
        """Its adapter, where it wants one, is there."""
        if ticket.request.params.output_format is not None:
            self._openings.add(ticket)
        else:
            self._begin(ticket, None)

    def _begin(self, ticket: TextTicket, constraint: Constraint | None) -> None:
        if not self._completions:
            self._runner.settle()
        request = ticket.request
        params, tokens = request.params, list(request.prompt_ids)
        stream = AnswerStream(self._model.tokenizer, params.stop, request.answer_format, tokens)
        if constraint is not None and not stream.tells_answer:
            constraint.close()
            ticket.fail("bad_request", NO_FORMAT)
            return
        adapter = None if request.adapter is None else self._adapters[request.adapter.key]
        seed = self._seeds.getrandbits(63) if params.seed is None else params.seed % 2**63
        sequence = Sequence(
            request.id,
            tokens,
            user=request.user,
            priority=request.priority,
            # Another adapter makes other keys and values of the same tokens.
            namespace=f"{adapter.digest if adapter else ''}/{'' if self._config.share_prefixes else request.tenant}",
            arrived=perf_counter(),
            images=request.images,
        )
        chooser = Chooser(params, seed, tokens, constraint and Prescribed(constraint, stream))
        last_token = min(len(tokens) + params.max_tokens, self._model.context_length)
        if self._config.speculate and self._model.is_own and chooser.looks_ahead:
            sequence.drafter = Drafter(tokens, last_token)
        completion = Completion(ticket, sequence, chooser, stream, adapter, last_token)
        self._completions[request.id] = completion
        if request.deadline_seconds is not None:
            self._timed[request.id] = completion
        self._scheduler.add(completion.sequence)

    def cancel(self, request_id: str) -> None:
        if request_id in self._completions:
            self._finish(self._completions[request_id], FinishReason.CANCELLED)
        elif (ticket := self._openings.remove(request_id) or self._adapters.remove(request_id)) is not None:
            ticket.finish(FinishReason.CANCELLED)

    def fail_all(self, code: str, error: str) -> None:
        """End everything: the engine is stopping, or broken beyond one sequence."""
        for completion in list(self._completions.values()):
            self._telling.now(completion)
            self._timed.pop(completion.sequence.id, None)
            if self._completions.pop(completion.sequence.id, None) is None:
                continue  # it ended by itself
            completion.chooser.close()
            completion.ticket.fail(code, error)
        for ticket in self._openings.remove_all() + self._adapters.remove_all():
            ticket.fail(code, error)

    def rest(self) -> bool:
        return self._runner.settle()

    def step(self) -> None:
        """Compute one pass for all running sequences and deliver what came of it."""
        self._end_overdue()
        for ticket in self._adapters.ready():
            self._open(ticket)
        for ticket, constraint in self._openings.opened():
            self._begin(ticket, constraint)
        began = perf_counter()
        step = self._scheduler.schedule(self._pacing.prefill_tokens(self._scheduler.decoding), began)
        if step is None:
            self._openings.wait(LOOK_SECONDS)
            self._adapters.wait(LOOK_SECONDS)
            return
        for sequence in step.admitted:
            completion = self._completions[sequence.id]
            ticket = completion.ticket
            if not ticket.made_with:  # else it was preempted
                compiled = self._runner.compile if completion.adapter is None else "off"
                ticket.made_with = {**self._made_with, "compile": compiled}
            ticket.started()
        chosen = self._compute(step)
        self._account(step, perf_counter() - began)
        self._deliver(chosen)

    def _compute(self, step: Step) -> list[tuple[Chunk, list[int]]]:
        """Each chunk with its next tokens, none where it samples none. Those that failed are missing, and finished."""
        try:
            return self._run(step)
        except Exception as error:
            logger.exception("A step of %d sequences failed; running them one by one", len(step.chunks))
            self._recover(error)
        self._counters.isolated_steps += 1
        return [pair for alone in step.alone() for pair in self._run_alone(alone)]

    def _run(self, step: Step) -> list[tuple[Chunk, list[int]]]:
        completions = self._completions
        adapters = [completions[chunk.sequence.id].adapter for chunk in step.chunks]
        logits = self._runner.run(step, adapters)
        self._tell_compiled(step, adapters)
        sampling = [(chunk, completions[chunk.sequence.id]) for chunk in step.chunks if chunk.samples]
        choosers, positions = [], []
        for chunk, completion in sampling:
            for ahead in range(1 + len(chunk.draft)):
                choosers.append(completion.chooser)
                positions.append(chunk.sequence.completion_tokens + ahead)
        tokens = self._awaited(begin_choosing(logits, choosers, positions))
        chosen: list[tuple[Chunk, list[int]]] = [(chunk, []) for chunk in step.prefills if not chunk.samples]
        for chunk, completion in sampling:
            stand = confirmed(chunk.draft, [next(tokens) for _ in range(1 + len(chunk.draft))])
            if stand:
                chosen.append((chunk, self._until_end(completion, stand)))
            else:
                self._fail(chunk, *completion.chooser.failure)
        return [pair for pair in chosen if pair[0].sequence.id in completions]  # telling ended the others

    def _awaited(self, chosen: Callable[[], list[int | None]]) -> Iterator[int | None]:
        """Tell what is left to tell while the device computes."""
        launched = perf_counter()
        self._telling.some(self._device_seconds)
        tokens = chosen()
        self._device_seconds = perf_counter() - launched
        return iter(tokens)

    def _tell_compiled(self, step: Step, adapters: list[Adapter | None]) -> None:
        """One adapter in a step makes all of it run through the layers as they are."""
        if self._runner.compile == "off":
            return
        if not any(adapters):
            self._counters.compiled_steps += 1
            return
        for chunk, adapter in zip(step.chunks, adapters, strict=True):
            if adapter is None:
                self._completions[chunk.sequence.id].ticket.made_with = {**self._made_with, "compile": "partly"}

    def _until_end(self, completion: Completion, tokens: list[int]) -> list[int]:
        """Without what comes behind an end-of-sequence token."""
        if len(tokens) == 1 or completion.ticket.request.params.ignore_eos:
            return tokens
        end = next((place for place, token in enumerate(tokens) if token in self._model.eos_ids), len(tokens))
        return tokens[: end + 1]

    def _run_alone(self, step: Step) -> list[tuple[Chunk, list[int]]]:
        try:
            return self._run(step)
        except Exception as error:
            logger.exception("Request %s failed", step.chunks[0].sequence.id)
            self._recover(error)
            code, text = ("out_of_memory", OUT_OF_MEMORY) if is_out_of_memory(error) else ("internal", INTERNAL)
            self._fail(step.chunks[0], code, text)
            return []

    def _recover(self, error: Exception) -> None:
        """Before what failed is run again. The traceback would keep all that the step had computed so far."""
        if is_out_of_memory(error):
            traceback.clear_frames(error.__traceback__)
            self._make_room()
            release_memory(self._model.device)

    def _account(self, step: Step, seconds: float) -> None:
        counters = self._counters
        counters.steps += 1
        counters.busy_seconds += seconds
        counters.prompt_tokens += sum(chunk.count for chunk in step.prefills)
        counters.preemptions += len(step.preempted)
        counters.prefix_hit_tokens += self._scheduler.take_hits()
        chunks = [(chunk.sequence.id, chunk.count + len(chunk.draft)) for chunk in step.chunks]
        tokens = sum(count for _, count in chunks)
        self._pacing.took(tokens, seconds)
        self._forecast.took(len(step.decodes), sum(chunk.count for chunk in step.prefills), seconds)
        share = seconds / tokens
        for name, count in chunks:
            completion = self._completions.get(name)
            if completion is not None:
                completion.ticket.device_seconds += share * count

    def _deliver(self, chosen: list[tuple[Chunk, list[int]]]) -> None:
        for chunk, tokens in chosen:
            self._scheduler.advance(chunk, tokens)
            if chunk.draft:
                self._counters.drafted_tokens += len(chunk.draft)
                self._counters.accepted_tokens += max(0, len(tokens) - 1)
        now = perf_counter()
        for chunk, tokens in chosen:
            completion = self._completions[chunk.sequence.id]
            if not tokens:
                continue
            ends = completion.ends_with(tokens[-1], self._model.eos_ids)
            if self._telling.waits and completion.may_wait and not ends:
                self._telling.add(completion, tokens, now)
            else:
                self._telling.now(completion)
                self._tell_each(completion, tokens)

    def _tell_together(self, completion: Completion, tokens: list[int]) -> None:
        """Tokens that waited."""
        stream, ticket = completion.stream, completion.ticket
        if any(map(stream.is_mark, tokens)):
            self._tell_each(completion, tokens)
            return
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
            if completion.sequence.id not in self._completions:  # it ended with the token before
                break
            self._counters.completion_tokens += 1
            try:
                self._give(completion, token)
            except Exception:
                self._broke(completion)

    def _broke(self, completion: Completion) -> None:
        logger.exception("Request %s failed", completion.sequence.id)
        self._remove(completion)
        completion.ticket.fail("internal", INTERNAL)

    def _give(self, completion: Completion, token: int) -> None:
        """One new token: tell its text, and finish where it was the last."""
        ticket, params = completion.ticket, completion.ticket.request.params
        ticket.token()
        completion.chooser.chosen(token)
        if ticket.finished:  # its sink broke
            self._remove(completion)
        elif token in self._model.eos_ids and not params.ignore_eos:
            self._finish(completion, FinishReason.STOP)
        else:
            segments = completion.stream.push(token)
            if completion.stream.reasoning:
                ticket.thought()
            elif completion.chooser.found is not None:
                ticket.logprob(self._token_bytes.told(completion.chooser.found))
            ticket.tell(segments)
            if completion.stream.stopped:
                self._finish(completion, FinishReason.STOP)
            elif ticket.prompt_tokens + ticket.completion_tokens >= completion.last_token:
                self._finish(completion, FinishReason.LENGTH)

    def _end_overdue(self) -> None:
        for completion in list(self._timed.values()):
            limit = completion.ticket.request.deadline_seconds
            if limit is not None and completion.ticket.waited > limit:
                self._finish(completion, FinishReason.ERROR, "deadline", TOO_LATE)

    def _fail(self, chunk: Chunk, code: str, error: str) -> None:
        completion = self._completions.get(chunk.sequence.id)
        if completion is None:
            return
        self._telling.now(completion)
        self._remove(completion, forget=True)  # what it computed may be what is wrong
        self._finish(completion, FinishReason.ERROR, code, error)

    def _finish(self, completion: Completion, reason: FinishReason, code: str = "", error: str = "") -> None:
        self._telling.now(completion)
        if completion.ticket.finished:
            return
        self._remove(completion)
        try:
            completion.ticket.tell(completion.stream.finish())
            if completion.stream.stopped and reason is FinishReason.LENGTH:
                reason = FinishReason.STOP
        finally:
            completion.ticket.finish(reason, code, error)
        if reason in (FinishReason.STOP, FinishReason.LENGTH):
            made = completion.ticket.completion_tokens
            self._forecast.ended(made, completion.last_token - completion.sequence.prompt_tokens)

    def _remove(self, completion: Completion, *, forget: bool = False) -> None:
        self._timed.pop(completion.sequence.id, None)
        if self._completions.pop(completion.sequence.id, None) is not None:
            self._scheduler.remove(completion.sequence, forget=forget)
            completion.chooser.close()
