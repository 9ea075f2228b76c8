"""A loaded model gets its graphs, or goes on without."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from engine.config import EngineConfig
from engine.metrics import Counters
from engine.text.graphs.building import NotCompiled, built, names_of
from engine.text.graphs.kinds import Unfit, kinds_of
from engine.text.graphs.layers import Compiling, Graphs
from engine.text.loader import LoadedModel
from engine.text.packed.layer import can_be_calls
from engine.text.packed.linear import PackedLinear

logger = logging.getLogger(__name__)

LEAST_HIDDEN = 256
"""Models with smaller layers than this are toys, whose answers are there before a graph is."""


def with_graphs(
    model: LoadedModel, folder: Path, config: EngineConfig, counters: Counters
) -> Generator[bool, None, LoadedModel]:
    """The model with its graphs; for `auto` nobody waits for the compiler, and it gets them when they are there."""
    compiling = graphs_of(model, folder, config, counters)
    while True:
        try:
            yield next(compiling)
        except StopIteration as done:
            return replace(model, graphs=done.value)
        if config.compile == "auto":
            return replace(model, compiling=compiling)


def graphs_of(model: LoadedModel, folder: Path, config: EngineConfig, counters: Counters) -> Compiling:
    """Yields False while it waits for the compiler. None where setting, model or machine don't allow it."""
    if not _wanted(model, config):
        return None
    began = perf_counter()
    module: Any = model.module
    try:
        kinds = kinds_of(module.model.layers)
        order = {
            "folder": str(folder.resolve()),
            "dtype": str(model.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        }
        files = names_of(kinds, order)
        made = yield from built(kinds, files, order)
        graphs = Graphs(module.model.layers, kinds, files, only_if_faster=config.compile == "auto")
    except (Unfit, NotCompiled, OSError, RuntimeError) as error:
        logger.warning("This model's layers run without being compiled: %s", error)
        counters.compile_failures += 1
        return None
    seconds = perf_counter() - began
    counters.graphs_built += made
    counters.graphs_reused += len(kinds) - made
    counters.compile_seconds += seconds
    logger.info("Graphs of %d kinds of layers, %d of them compiled now, in %.2f s", len(kinds), made, seconds)
    return graphs


def _wanted(model: LoadedModel, config: EngineConfig) -> bool:
    """For processors only: GPUs have fused layers in their place. Nothing is gained where a layer is one call already
    (engine/text/packed), nor for other layers with rounded weights, whose matrices are most of the work."""
    if config.compile == "off" or not model.is_own or model.device.type != "cpu" or can_be_calls(model.module):
        return False
    if config.compile == "auto" and _is_rounded(model.module):
        return False
    size: int = model.module.config.hidden_size  # type: ignore[union-attr, assignment]
    return config.compile == "on" or size >= LEAST_HIDDEN


def _is_rounded(module: torch.nn.Module) -> bool:
    return any(isinstance(part, PackedLinear) and part.matrix.weights.is_rounded for part in module.modules())
