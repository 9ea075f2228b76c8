"""One forward pass of the model for one step of the scheduler."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Sequence as Several
from contextlib import nullcontext
from typing import Protocol

import torch

from engine.config import EngineConfig
from engine.text.adapters.adapter import Adapter
from engine.text.adapters.applying import applied
from engine.text.attention.backend import Backend
from engine.text.attention.choice import choose
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.plan import PlannedChunk, planned
from engine.text.capture import CapturedSteps
from engine.text.compatible.runner import CompatibleRunner
from engine.text.drawing import Drawing
from engine.text.exchange import sent
from engine.text.fused.layers import FusedLayers, fused_layers
from engine.text.loader import LoadedModel
from engine.text.other_layers import OtherLayers
from engine.text.packed.layer import packed_layers
from engine.text.recording import CudaGraphs, Recorder
from engine.text.rehearsal import agree
from engine.text.scheduler import Step
from engine.text.trial import stands

logger = logging.getLogger(__name__)


class AnyRunner(Protocol):
    """What the engine needs to compute a step. Call from the engine thread, in inference mode."""

    attention: str
    """Which way of computing attention it uses."""
    nbytes: int
    """What its cache takes."""

    @property
    def compile(self) -> str:
        """What steps without adapters run through, for receipts: `off` is the modelling code as it is."""
        ...

    @property
    def went_through(self) -> str:
        """The same of the last step."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether it may make several passes in one step."""
        ...

    def run(self, step: Step, adapters: Several[Adapter | None]) -> torch.Tensor: ...
    def go_on(
        self, step: Step, drawing: Drawing | None, after: Step | None = None
    ) -> Callable[[], list[list[int]]] | None:
        """Of decodes without guesses and adapters as many tokens as each wants: the most probable ones, or those of its
        rows that are drawn. What isn't a token (`draw.py`) counts with all behind it. The passes are begun now; the
        function waits for them. None: this step must be `run`.

        after: the step begun last, where its tokens aren't known yet: each sequence goes on with the last of its own.
        """
        ...

    def settle(self) -> bool:
        """Called while no sequence is under way: change now what would change results in the midst of one. Whether
        more is awaited."""
        ...


def runner_of(model: LoadedModel, config: EngineConfig, blocks: int) -> AnyRunner:
    """Raises ValueError where the attention isn't possible."""
    if not model.is_own:
        return CompatibleRunner(model, blocks)
    backend = choose(model.shape, config.attention)(model.shape, blocks)
    if config.compile == "off":
        return Runner(model, backend)
    fused = fused_layers(model.module, model.device)
    recorder = None if fused is None else CudaGraphs(model.device)
    return Runner(model, backend, fused, recorder, config.max_sequences)


class Runner:
    """Over the engine's own cache, all sequences in one pass."""

    def __init__(
        self,
        model: LoadedModel,
        backend: Backend,
        fused: FusedLayers | None = None,
        recorder: Recorder | None = None,
        sequences: int = 1,
    ) -> None:
        """fused: to be used where they compute the same; then steps of at most so many sequences are recorded too,
        where there is a recorder."""
        self._model = model
        self._backend = backend
        self.attention, self.nbytes = backend.name, backend.nbytes
        self.went_through = "off"
        self._others: OtherLayers | None = None
        self._compiling = model.compiling
        self._take(model.graphs)
        is_fused = self._take(fused)
        packed = packed_layers(model.module, backend)
        self._packed = packed if packed is not None and stands(packed, model.module, backend) else None
        self._captured: CapturedSteps | None = None
        if recorder is not None and fused is not None and is_fused:
            self._captured = self._recorded(fused, recorder, sequences)
            self.nbytes += 0 if self._captured is None else self._captured.nbytes

    @property
    def compile(self) -> str:
        others = self._packed or self._others
        return "off" if others is None else others.mode

    def settle(self) -> bool:
        if self._compiling is not None:
            try:
                next(self._compiling)
            except StopIteration as done:
                self._compiling = None
                self._take(done.value)
        return self._compiling is not None

    def _take(self, others: OtherLayers | None) -> bool:
        if others is None or not stands(others, self._model.module, self._backend):
            return False
        self._others = others
        return True

    @property
    def goes_on(self) -> bool:
        return self._captured is not None

    def go_on(
        self, step: Step, drawing: Drawing | None, after: Step | None = None
    ) -> Callable[[], list[list[int]]] | None:
        if self._captured is None:
            return None
        chunks = planned(step.decodes)
        if after is None:
            tokens = [chunk.sequence.tokens[chunk.start] for chunk in step.decodes]
            begun = self._captured.go_on(chunks, tokens, step.passes, drawing)
        else:
            row_of = {chunk.sequence: row for row, chunk in enumerate(after.decodes)}
            lefts = [row_of[chunk.sequence] for chunk in step.decodes]
            begun = self._captured.go_on(chunks, [0] * len(chunks), step.passes, drawing, lefts)
        if begun is not None:
            self.went_through = self.compile
        return begun

    def run(self, step: Step, adapters: Several[Adapter | None]) -> torch.Tensor:
        """Logits `[samples, vocabulary]`, float32, decodes first: one row for each chunk that samples, and one for each
        token of its draft. They stand until the next call.

        adapters: of each chunk, None where it uses the model itself.
        """
        chunks, tokens = planned(step.chunks), [token for chunk in step.chunks for token in chunk.tokens]
        rows, logits = self._sampled(step, chunks), None
        if self._captured is not None and not any(adapters):
            logits = self._captured.run(chunks, tokens)
        if logits is None:
            return self._launched(chunks, tokens, rows, adapters)
        self.went_through = self.compile
        if len(rows) < len(logits):
            logits = logits[sent(rows, logits.device, torch.long)]
        return logits.to(torch.float32)

    def _recorded(self, fused: FusedLayers, recorder: Recorder, sequences: int) -> CapturedSteps | None:
        """None where it can't be done, or doesn't give the logits that launching gives."""
        if not isinstance(self._backend, TritonBackend):
            return None
        try:
            captured = CapturedSteps(self._model, self._backend, fused, sequences, recorder)
            if agree(captured, self._launched_whole, self._model, self._backend.blocks):
                return captured
            logger.warning("Steps are launched kernel by kernel")
        except Exception:
            logger.exception("Steps can't be recorded; they are launched kernel by kernel")
        return None

    def _launched_whole(self, chunks: list[PlannedChunk], tokens: list[int]) -> torch.Tensor:
        return self._launched(chunks, tokens, list(range(len(tokens))), [None] * len(chunks))

    def _launched(
        self, chunks: list[PlannedChunk], tokens: list[int], rows: list[int], adapters: Several[Adapter | None]
    ) -> torch.Tensor:
        """Operator by operator. rows: those whose logits are asked for."""
        device = self._model.device
        inputs = {
            "input_ids": torch.tensor([tokens], device=device),
            "position_ids": torch.tensor(
                [[place for chunk in chunks for place in range(chunk.start, chunk.end)]], device=device
            ),
            "use_cache": False,
            "plan": self._backend.plan(chunks),
        }
        others = None if any(adapters) else self._others_for(chunks)  # adapters' hooks are on layers inside the others
        self.went_through = "off" if others is None else others.mode
        with applied(chunks, adapters, device), nullcontext() if others is None else others.at_work():
            if not rows:  # prompts only, none of them to its end: the output layer has nothing to do
                self._model.module.base_model(**inputs)  # type: ignore[operator]
                return torch.empty(0, self._model.vocabulary, device=device)
            output = self._model.module(**inputs, logits_to_keep=torch.tensor(rows, device=device))
        logits: torch.Tensor = output.logits[0]
        return logits.to(torch.float32)

    def _others_for(self, chunks: list[PlannedChunk]) -> OtherLayers | None:
        return self._packed if self._packed is not None and self._packed.takes(chunks) else self._others

    def _sampled(self, step: Step, chunks: list[PlannedChunk]) -> list[int]:
        """Rows of the pass whose logits are asked for."""
        return [
            chunk.row + scheduled.count - 1 + ahead
            for chunk, scheduled in zip(chunks, step.chunks, strict=True)
            if scheduled.samples
            for ahead in range(1 + len(scheduled.draft))
        ]
