"""One forward pass of the model for one step of the scheduler."""

from __future__ import annotations

from collections.abc import Sequence as Several
from contextlib import nullcontext
from typing import Protocol

import torch

from engine.config import Attention
from engine.text.adapters.adapter import Adapter
from engine.text.adapters.applying import applied
from engine.text.attention.backend import Backend
from engine.text.attention.choice import choose
from engine.text.attention.plan import planned
from engine.text.compatible.runner import CompatibleRunner
from engine.text.graphs.layers import Graphs
from engine.text.graphs.trial import stands
from engine.text.loader import LoadedModel
from engine.text.scheduler import Step


class AnyRunner(Protocol):
    """What the engine needs to compute a step. Call from the engine thread, in inference mode."""

    attention: str
    """Which way of computing attention it uses."""
    nbytes: int
    """What its cache takes."""

    @property
    def compiled(self) -> bool:
        """Whether steps without adapters run through compiled layers."""
        ...

    def run(self, step: Step, adapters: Several[Adapter | None]) -> torch.Tensor: ...
    def settle(self) -> bool:
        """Called while no sequence is under way: change now what would change results in the midst of one. Whether
        more is awaited."""
        ...


def runner_of(model: LoadedModel, attention: Attention, blocks: int) -> AnyRunner:
    """Raises ValueError where the attention isn't possible."""
    if not model.is_own:
        return CompatibleRunner(model, blocks)
    return Runner(model, choose(model.shape, attention)(model.shape, blocks))


class Runner:
    """Over the engine's own cache, all sequences in one pass."""

    def __init__(self, model: LoadedModel, backend: Backend) -> None:
        self._model = model
        self._backend = backend
        self.attention, self.nbytes = backend.name, backend.nbytes
        self._graphs: Graphs | None = None
        self._compiling = model.compiling
        self._take(model.graphs)

    @property
    def compiled(self) -> bool:
        return self._graphs is not None

    def settle(self) -> bool:
        if self._compiling is not None:
            try:
                next(self._compiling)
            except StopIteration as done:
                self._compiling = None
                self._take(done.value)
        return self._compiling is not None

    def _take(self, graphs: Graphs | None) -> None:
        if graphs is not None and stands(graphs, self._model.module, self._backend):
            self._graphs = graphs

    def run(self, step: Step, adapters: Several[Adapter | None]) -> torch.Tensor:
        """Logits `[samples, vocabulary]`, float32, decodes first: one row for each chunk that samples, and one for each
        token of its draft.

        adapters: of each chunk, None where it uses the model itself.
        """
        device, chunks = self._model.device, planned(step.chunks)
        inputs = {
            "input_ids": torch.tensor([[token for chunk in step.chunks for token in chunk.tokens]], device=device),
            "position_ids": torch.tensor(
                [[place for chunk in chunks for place in range(chunk.start, chunk.end)]], device=device
            ),
            "use_cache": False,
            "plan": self._backend.plan(chunks),
        }
        rows = [
            chunk.row + scheduled.count - 1 + ahead
            for chunk, scheduled in zip(chunks, step.chunks, strict=True)
            if scheduled.samples
            for ahead in range(1 + len(scheduled.draft))
        ]
        graphs = None if any(adapters) else self._graphs  # an adapter's hooks are on layers inside the compiled ones
        with applied(chunks, adapters, device), nullcontext() if graphs is None else graphs.at_work():
            if not rows:  # prompts only, none of them to its end: the output layer has nothing to do
                self._model.module.base_model(**inputs)  # type: ignore[operator]
                return torch.empty(0, self._model.vocabulary, device=device)
            output = self._model.module(**inputs, logits_to_keep=torch.tensor(rows, device=device))
        logits: torch.Tensor = output.logits[0]
        return logits.to(torch.float32)
