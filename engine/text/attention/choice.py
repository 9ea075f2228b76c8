"""Which way of computing attention a model gets: tried out, not guessed, since it differs by device and shape."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

import torch

from engine.config import Attention
from engine.device import finish
from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.gathered import GatheredBackend
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.native import NativeBackend
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.reference import ReferenceBackend
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

logger = logging.getLogger(__name__)

FAST: tuple[type[Backend], ...] = (NativeBackend, TritonBackend, GatheredBackend)
KINDS: tuple[type[Backend], ...] = (*FAST, ReferenceBackend)
SEQUENCES, CONTEXT, TRIES = 8, 256, 5
TOLERANCE = {torch.float32: 1e-4}
ROUGH = 5e-2
"""Of number formats with few digits."""


Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Query, key and value."""


def choose(shape: CacheShape, wanted: Attention) -> type[Backend]:
    """The wanted one, or for `auto` the fastest whose results are right. Raises ValueError where it isn't possible."""
    if wanted != "auto":
        kind = next(kind for kind in KINDS if kind.name == wanted)
        if not kind.supports(shape):
            raise ValueError(f"The attention “{wanted}” can't be used for this model on {shape.device}.")
        return kind
    candidates = [kind for kind in FAST if kind.supports(shape)]
    if len(candidates) == 1:
        return candidates[0]
    seconds = {kind: seconds_of(kind, shape) for kind in candidates if is_right(kind, shape)}
    told = ", ".join(f"{kind.name} {time * 1e6:.0f} µs" for kind, time in seconds.items())
    logger.info("Attention tried on %s with %s: %s", shape.device, shape.dtype, told)
    return min(seconds, key=lambda kind: seconds[kind], default=ReferenceBackend)


def is_right(kind: type[Backend], shape: CacheShape) -> bool:
    """Whether it says what the plain formula says, of numbers made up."""
    right = _output(ReferenceBackend, shape)
    try:
        mine = _output(kind, shape)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a kernel that can't be compiled here, or asks for more than this GPU has
        logger.error("Attention “%s” fails on this machine; it isn't used: %s", kind.name, error)
        return False
    tolerance = TOLERANCE.get(shape.dtype, ROUGH)
    if torch.allclose(mine.float(), right.float(), rtol=tolerance, atol=tolerance):
        return True
    logger.error("Attention “%s” computes wrong numbers on this machine; it isn't used", kind.name)
    return False


def seconds_of(kind: type[Backend], shape: CacheShape) -> float:
    """The shortest time of one layer of a decode step."""
    backend, plan, inputs = _work(kind, shape, [1] * SEQUENCES)
    times = []
    for _ in range(TRIES):
        finish(shape.device)
        began = perf_counter()
        backend.attend(0, *inputs, Variant(shape.key_dim**-0.5), plan)
        finish(shape.device)
        times.append(perf_counter() - began)
    return min(times)


def _output(kind: type[Backend], shape: CacheShape) -> torch.Tensor:
    backend, plan, inputs = _work(kind, shape, [5, 20, 1])
    return backend.attend(0, *inputs, Variant(shape.key_dim**-0.5), plan)


def _work(kind: type[Backend], shape: CacheShape, counts: list[int]) -> tuple[Backend, AttentionPlan, Inputs]:
    """One layer whose cache is filled with `CONTEXT` tokens a sequence, and a step of so many more."""
    blocks = -(-(CONTEXT + max(counts)) // BLOCK_SIZE)
    backend = kind(replace(shape, layers=1), blocks * len(counts))
    tables = [list(range(number * blocks, (number + 1) * blocks)) for number in range(len(counts))]
    generator = torch.Generator().manual_seed(0)

    def numbers(heads: int, tokens: int, dim: int) -> torch.Tensor:
        return torch.randn(heads, tokens, dim, generator=generator).to(dtype=shape.dtype, device=shape.device)

    def inputs(tokens: int) -> Inputs:
        key = numbers(shape.kv_heads, tokens, shape.key_dim)
        value = (
            key[..., : shape.value_dim] if shape.values_in_keys else numbers(shape.kv_heads, tokens, shape.value_dim)
        )
        return numbers(shape.query_heads, tokens, shape.key_dim), key, value

    for table in tables:
        filling = backend.plan([PlannedChunk(0, 0, CONTEXT, table)])
        backend.attend(0, *inputs(CONTEXT), Variant(1.0), filling)
    return backend, backend.plan(_chunks(tables, counts)), inputs(sum(counts))


def _chunks(tables: list[list[int]], counts: Iterable[int]) -> list[PlannedChunk]:
    chunks, row = [], 0
    for table, count in zip(tables, counts, strict=True):
        chunks.append(PlannedChunk(row, CONTEXT, count, table))
        row += count
    return chunks
