"""Whether layers of another make compute what the modelling code computes, and faster: tried at load, some of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import torch

from engine.device import finish
from engine.text.attention.backend import Backend
from engine.text.attention.plan import PlannedChunk
from engine.text.other_layers import OtherLayers

logger = logging.getLogger(__name__)

TOLERANCE = {torch.float32: 1e-4}
ROUGH = 3e-2
"""Of number formats with few digits. Both are parts of the largest number."""
CHUNKS = ((0, 8), (8, 1))
"""First token and number of tokens."""
TRIES = 9


def stands(others: OtherLayers, module: Any, backend: Backend) -> bool:
    """backend: of the model; another one of its kind is made, which is as large as the trial needs."""
    try:
        return _is_right_and_wins(others, module, type(backend)(backend.shape, 1))
    except Exception:
        logger.exception("Layers of another make (%s) can't be run; they aren't used", others.mode)
        return False


def _is_right_and_wins(others: OtherLayers, module: Any, backend: Backend) -> bool:
    mine, theirs = 0.0, 0.0
    for number in others.tried:
        for start, count in CHUNKS:
            layer = _layer(module, number, backend, start, count)
            with others.at_work():
                told = layer()
            if not _alike(told, layer(), rough=others.rough):
                logger.error(
                    "Layers of another make (%s) compute something else than the model's own; they aren't used",
                    others.mode,
                )
                return False
        mine += _seconds(layer, others)
        theirs += _seconds(layer, None)
    logger.info("A token through a layer of each kind: %s %.0f µs, else %.0f µs", others.mode, mine * 1e6, theirs * 1e6)
    return mine < theirs or not others.only_if_faster


def _layer(module: Any, number: int, backend: Backend, start: int, count: int) -> Callable[[], torch.Tensor]:
    device, dtype = backend.shape.device, backend.shape.dtype
    generator = torch.Generator().manual_seed(start)
    hidden = torch.randn(1, count, module.config.hidden_size, generator=generator).to(device=device, dtype=dtype)
    places = torch.arange(start, start + count, device=device)[None]
    turned = module.model.rotary_emb(hidden, position_ids=places)
    plan = backend.plan([PlannedChunk(0, start, count, [0])])

    def run() -> torch.Tensor:
        output: torch.Tensor = module.model.layers[number](
            hidden.clone(), position_embeddings=turned, position_ids=places, use_cache=False, plan=plan
        )
        return output

    return run


def _alike(one: torch.Tensor, other: torch.Tensor, *, rough: bool) -> bool:
    tolerance = (ROUGH if rough else TOLERANCE.get(other.dtype, ROUGH)) * other.abs().max().item()
    return one.shape == other.shape and torch.allclose(one.float(), other.float(), rtol=0, atol=tolerance)


def _seconds(layer: Callable[[], torch.Tensor], others: OtherLayers | None) -> float:
    """The shortest time of a layer."""
    times = []
    with others.at_work() if others is not None else nullcontext():
        for _ in range(TRIES):
            began = perf_counter()
            output = layer()
            finish(output.device)
            times.append(perf_counter() - began)
    return min(times)
