"""One forward pass of the model for one step of the scheduler."""

from __future__ import annotations

import torch

from engine.text.attention import plan_attention
from engine.text.cache import SlotCache
from engine.text.loader import LoadedModel
from engine.text.scheduler import Step


class Runner:
    """Owns the cache. Call from the engine thread, in inference mode."""

    def __init__(self, model: LoadedModel, *, max_sequences: int, max_context: int) -> None:
        self._model = model
        self._group = model.query_heads // model.kv_heads
        self._cache = SlotCache(
            layers=model.layers, kv_heads=model.kv_heads, head_dim=model.head_dim,
            max_slots=max_sequences, max_tokens=max_context, dtype=model.dtype, device=model.device,
        )  # fmt: skip

    @property
    def cache_bytes(self) -> int:
        return self._cache.nbytes

    def move(self, step: Step) -> None:
        """Do the step's moves: once, before `run`, and also where `run` is tried again."""
        for move in step.moves:
            self._cache.move(move.source, move.target, move.tokens)

    def run(self, step: Step) -> torch.Tensor:
        """Logits `[samples, vocabulary]`, float32, one row for each chunk that samples, decodes first."""
        chunks = step.chunks
        self._cache.reserve(max(chunk.slot for chunk in chunks) + 1, max(chunk.end for chunk in chunks))
        device = self._model.device
        plan = plan_attention(step, self._cache, group=self._group, dtype=self._model.dtype, device=device)
        inputs = {
            "input_ids": torch.tensor([_tokens(step)], device=device),
            "position_ids": torch.tensor([_positions(step)], device=device),
            "use_cache": False,
            "plan": plan,
        }
        rows = _sampled_rows(step)
        if not rows:  # prompts only, none of them to its end: the output layer has nothing to do
            self._model.module.base_model(**inputs)  # type: ignore[operator]
            return torch.empty(0, self._model.vocabulary, device=device)
        output = self._model.module(**inputs, logits_to_keep=torch.tensor(rows, device=device))
        logits: torch.Tensor = output.logits[0]
        return logits.to(torch.float32)

    def clear(self, slot: int) -> None:
        self._cache.clear(slot)

    def release(self) -> None:
        self._cache.release()


def _tokens(step: Step) -> list[int]:
    tokens = [chunk.sequence.tokens[chunk.start] for chunk in step.decodes]
    for chunk in step.prefills:
        tokens += chunk.sequence.tokens[chunk.start : chunk.end]
    return tokens


def _positions(step: Step) -> list[int]:
    positions = [chunk.start for chunk in step.decodes]
    for chunk in step.prefills:
        positions += range(chunk.start, chunk.end)
    return positions


def _sampled_rows(step: Step) -> list[int]:
    rows, row = list(range(len(step.decodes))), len(step.decodes)
    for chunk in step.prefills:
        row += chunk.count
        if chunk.samples:
            rows.append(row - 1)
    return rows
