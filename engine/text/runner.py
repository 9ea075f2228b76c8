"""One forward pass of the model for one step of the scheduler."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Protocol

import torch

from engine.config import Attention
from engine.text.adapters.adapter import Adapter
from engine.text.adapters.applying import applied
from engine.text.attention.backend import Backend
from engine.text.attention.choice import choose
from engine.text.attention.plan import planned
from engine.text.compatible.runner import CompatibleRunner
from engine.text.loader import LoadedModel
from engine.text.scheduler import Step


class AnyRunner(Protocol):
    """What the engine needs to compute a step. Call from the engine thread, in inference mode."""

    attention: str
    """Which way of computing attention it uses."""
    nbytes: int
    """What its cache takes."""

    def run(self, step: Step, adapters: Several[Adapter | None]) -> torch.Tensor: ...


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
        with applied(chunks, adapters, device):
            if not rows:  # prompts only, none of them to its end: the output layer has nothing to do
                self._model.module.base_model(**inputs)  # type: ignore[operator]
                return torch.empty(0, self._model.vocabulary, device=device)
            output = self._model.module(**inputs, logits_to_keep=torch.tensor(rows, device=device))
        logits: torch.Tensor = output.logits[0]
        return logits.to(torch.float32)
