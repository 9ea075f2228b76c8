"""One forward pass for each sequence of a step, each with a cache of its own as transformers makes it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence as Several
from typing import Any
from weakref import WeakKeyDictionary

import torch

from engine.text.adapters.adapter import Adapter
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.drawing import Drawing
from engine.text.loader import LoadedModel
from engine.text.scheduler import Chunk, Step
from engine.text.sequence import Sequence


class CompatibleRunner:
    """Call from the engine thread, in inference mode. The scheduler's blocks only count what the caches may take: no
    two sequences share anything, and there are no drafts."""

    attention = "transformers"
    compile = went_through = "off"
    goes_on = False

    def __init__(self, model: LoadedModel, blocks: int) -> None:
        self.nbytes = blocks * model.shape.bytes_per_token * BLOCK_SIZE
        """What the caches take at most."""
        self._model = model
        self._caches: WeakKeyDictionary[Sequence, tuple[int, Any]] = WeakKeyDictionary()
        """How many tokens each has read, and what it keeps of them."""
        takes = inspect.signature(model.module.forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    def settle(self) -> bool:
        """Nothing is going to change."""
        return False

    def go_on(self, step: Step, drawing: Drawing | None, after: Step | None = None) -> None:
        """Each step is a pass."""

    def run(self, step: Step, adapters: Several[Adapter | None]) -> torch.Tensor:
        """Logits `[samples, vocabulary]`, float32, decodes first: one row for each chunk that samples."""
        for sequence in step.preempted:
            self._caches.pop(sequence, None)
        rows = [row for chunk in step.chunks if (row := self._read(chunk)) is not None]
        if not rows:
            return torch.empty(0, self._model.vocabulary, device=self._model.device)
        return torch.cat(rows).to(torch.float32)

    def _read(self, chunk: Chunk) -> torch.Tensor | None:
        sequence = chunk.sequence
        known, cache = self._caches.pop(sequence, (0, None))  # while it is changed it isn't to be trusted
        if known != chunk.start:  # a step that failed for another one had read this already; or it was preempted
            known, cache = 0, None
        inputs = self._inputs(sequence, known, chunk.end)
        output = self._model.module(**inputs, past_key_values=cache, use_cache=True, **self._last_only)
        self._caches[sequence] = (chunk.end, output.past_key_values)
        return output.logits[:, -1] if chunk.samples else None

    def _inputs(self, sequence: Sequence, begin: int, end: int) -> dict[str, Any]:
        """What the model is given of these tokens."""
        return {"input_ids": torch.tensor([sequence.tokens[begin:end]], device=self._model.device)}
