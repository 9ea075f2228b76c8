"""A step of the scheduler, from its chunks to the tokens chosen for them. One sequence that fails, fails alone."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from time import perf_counter
from typing import TypeVar

from engine.device import is_out_of_memory, raise_if_lost, release_memory
from engine.metrics import Counters
from engine.text.adapters.adapter import Adapter
from engine.text.completion import Completion
from engine.text.completions import Completions
from engine.text.drafting import confirmed
from engine.text.draw import UNDECIDED
from engine.text.drawing import Drawing
from engine.text.loader import LoadedModel
from engine.text.runner import AnyRunner
from engine.text.sampler import NON_FINITE, begin_choosing
from engine.text.scheduler import Chunk, Step
from engine.ticket import INTERNAL

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = "The device has too little memory left for this request. Try a shorter prompt, or try again later."

LOOKS = 16
"""Steps that look at more logits of a sequence, where few didn't decide: the next ones will hardly decide either."""

RESTS = 500
"""Steps after one behind which nothing could be begun."""

Following = Callable[[Step], Step | None]
"""The step behind a step, where there is one already before that one's tokens are known."""


def nothing(step: Step) -> None:
    """Follows any step where it is waited for."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that the device makes."""

    step: Step
    told: Callable[[], list[list[int]]]
    """Waits for its tokens."""


Told = TypeVar("Told")
NextTokens = list[tuple[Chunk, list[int]]]
"""Each chunk with its next tokens, none where it samples none."""


class Computing:
    def __init__(
        self,
        model: LoadedModel,
        runner: AnyRunner,
        completions: Completions,
        counters: Counters,
        *,
        made_with: Mapping[str, str],
        make_room: Callable[[], object],
    ) -> None:
        """made_with: for receipts. make_room: called when a step finds too little memory."""
        self._model, self._runner, self._completions, self._counters = model, runner, completions, counters
        self._made_with, self._make_room = made_with, make_room
        self._begun: Begun | None = None
        self._rests = 0
        """Before so many more steps nothing is begun behind one."""
        self._device_seconds = 0.0
        """How long the device computed at the last step, after all was launched."""

    def begin(self, completion: Completion) -> None:
        """Its prompt is being read, perhaps anew after a preemption."""
        ticket = completion.ticket
        if not ticket.made_with:
            compiled = self._runner.compile if completion.adapter is None else "off"
            ticket.made_with = {**self._made_with, "compile": compiled}
        ticket.started()

    @property
    def under_way(self) -> Step | None:
        """Begun behind the last one, before that one's tokens were known: the next to compute. Some of its sequences
        may have ended since."""
        return None if self._begun is None else self._begun.step

    def forget(self) -> None:
        """What is under way: nobody waits for it any more."""
        self._begun = None

    def compute(self, step: Step, following: Following = nothing) -> NextTokens:
        """Those that failed are missing, and finished. Raises DeviceLost.

        following: asked where the device may have more to do already while the host looks at what came of this one.
        """
        begun, self._begun = self._begun, None
        try:
            return self._computed(step, begun, following)
        except Exception as error:
            self._begun = None  # it goes on with what failed
            logger.exception("A step of %d sequences failed; running them one by one", len(step.chunks))
            self._recover(error)
        self._counters.isolated_steps += 1
        return [pair for alone in step.alone() for pair in self._run_alone(alone)]

    def _computed(self, step: Step, begun: Begun | None, following: Following) -> NextTokens:
        begun = begun or self._begin(step)
        return self._run(step) if begun is None else self._gone_on(begun, following)

    def _begin(self, step: Step, after: Step | None = None) -> Begun | None:
        """None where somebody must look at its logits, or it can't be recorded."""
        if not self._runner.goes_on or step.prefills or not all(chunk.goes_on for chunk in step.decodes):
            return None
        told = self._runner.go_on(step, self._drawing(step), after)
        return None if told is None else Begun(step, told)

    def _begin_behind(self, step: Step, following: Following) -> Begun | None:
        if self._rests:
            self._rests -= 1
            return None
        behind = following(step)
        try:
            return None if behind is None else self._begin(behind, step)
        except Exception as error:
            logger.exception("The passes behind a step can't be begun; they wait for it for a while")
            self._rests = RESTS
            if is_out_of_memory(error):
                self._free(error)
            return None

    def _drawing(self, step: Step) -> Drawing | None:
        """Of those that don't just take the most probable token."""
        choosers = [self._completions[chunk.sequence.id].chooser for chunk in step.decodes]
        rows = [row for row, chooser in enumerate(choosers) if not chooser.is_plain]
        if not rows:
            return None
        positions = [step.decodes[row].end - step.decodes[row].sequence.prompt_tokens for row in rows]
        return Drawing(rows, [choosers[row] for row in rows], positions, step.passes, self._model.device)

    def _gone_on(self, begun: Begun, following: Following) -> NextTokens:
        """What the device chose by itself."""
        step = begun.step
        self._begun = self._begin_behind(step, following)
        self._counters.compiled_steps += step.passes
        chosen: NextTokens = []
        for chunk, tokens in zip(step.decodes, self._awaited(begun.told), strict=True):
            if not self._counts(chunk):
                continue
            completion = self._completions[chunk.sequence.id]
            stand = list(takewhile(lambda token: token >= 0, tokens))
            if stand:
                chosen.append((chunk, self._until_end(completion, stand)))
            elif tokens[0] == UNDECIDED:
                chunk.sequence.looks = LOOKS
            else:
                self._fail(chunk, "non_finite", NON_FINITE)
        return chosen

    def _run(self, step: Step) -> NextTokens:
        """Logits come from the device, or are looked at there in ways that requests ask for."""
        for chunk in step.decodes:
            chunk.further = 0  # it is one pass, whatever it was to be
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
        tokens = iter(self._awaited(begin_choosing(logits, choosers, positions)))
        chosen: NextTokens = [(chunk, []) for chunk in step.prefills if not chunk.samples]
        for chunk, completion in sampling:
            stand = confirmed(chunk.draft, [next(tokens) for _ in range(1 + len(chunk.draft))])
            chunk.sequence.looks = max(0, chunk.sequence.looks - 1)
            if stand:
                chosen.append((chunk, self._until_end(completion, stand)))
            else:
                self._fail(chunk, *completion.chooser.failure)
        return [pair for pair in chosen if pair[0].sequence.id in completions]  # telling ended the others

    def _awaited(self, chosen: Callable[[], list[Told]]) -> list[Told]:
        """Tell what is left to tell while the device computes."""
        launched = perf_counter()
        self._completions.tell_some(self._device_seconds)
        tokens = chosen()
        self._device_seconds = perf_counter() - launched
        return tokens

    def _counts(self, chunk: Chunk) -> bool:
        """False where its sequence has ended meanwhile, or not all stood of what it followed."""
        return self._completions.of(chunk.sequence) is not None and chunk.start == chunk.sequence.cached

    def _until_end(self, completion: Completion, tokens: list[int]) -> list[int]:
        """Without what comes behind an end-of-sequence token."""
        if len(tokens) == 1 or completion.ticket.request.params.ignore_eos:
            return tokens
        end = next((place for place, token in enumerate(tokens) if token in self._model.eos_ids), len(tokens))
        return tokens[: end + 1]

    def _tell_compiled(self, step: Step, adapters: list[Adapter | None]) -> None:
        """One adapter in a step makes all of it run through the layers as they are."""
        self._counters.compiled_steps += self._runner.went_through != "off"
        if self._runner.compile == "off" or not any(adapters):
            return
        for chunk, adapter in zip(step.chunks, adapters, strict=True):
            if adapter is None:
                self._completions[chunk.sequence.id].ticket.made_with = {**self._made_with, "compile": "partly"}

    def _run_alone(self, step: Step) -> NextTokens:
        chunk = step.chunks[0]
        if not self._counts(chunk):
            return []
        try:
            return self._computed(step, None, nothing)
        except Exception as error:
            logger.exception("Request %s failed", chunk.sequence.id)
            self._recover(error)
            code, text = ("out_of_memory", OUT_OF_MEMORY) if is_out_of_memory(error) else ("internal", INTERNAL)
            self._fail(chunk, code, text)
            return []

    def _fail(self, chunk: Chunk, code: str, error: str) -> None:
        completion = self._completions.of(chunk.sequence)
        if completion is not None:
            self._completions.fail(completion, code, error)

    def _recover(self, error: Exception) -> None:
        """Before what failed is run again. The traceback would keep all that the step had computed so far."""
        raise_if_lost(self._model.device, error)
        if is_out_of_memory(error):
            self._free(error)

    def _free(self, error: Exception) -> None:
        traceback.clear_frames(error.__traceback__)
        self._make_room()
        release_memory(self._model.device)
