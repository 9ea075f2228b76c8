"""Text, pictures, or both: which part of the engine serves a folder.

What pictures need is imported only for a folder that holds a pipeline: where diffusers isn't installed, texts go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.config import EngineConfig
from engine.image.encoding import Encoding
from engine.janus.folder import is_janus
from engine.loaded import LoadFailed
from engine.metrics import Counters
from engine.model_engine import ModelEngine
from engine.pipelines import is_pipeline, is_whole
from engine.room import Footprint, Spare
from engine.source import ModelSource
from engine.text.engine import TextEngine
from engine.text.footprint import footprint_of as text_footprint
from engine.text.footprint import held_by
from engine.text.graphs.compiling import with_graphs
from engine.text.loader import load_model
from engine.weights import Weights

NO_DIFFUSERS = "It draws pictures, and the package diffusers isn't installed on this worker."
NO_PACKING = "Weights of models that draw pictures are kept in full; 8 and 4 bits are for text models."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the engine of a model needs beside the model."""

    config: EngineConfig
    counters: Counters
    source: ModelSource
    encoding: Encoding
    """Writes the files of pictures."""
    make_room: Callable[[], object]
    spare_of: Callable[[str], Spare]
    """Of a model by its name."""
    is_alone: Callable[[str], bool]
    """Whether no other model than this one wants the device."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A model that was read, and its engine."""

    engine: ModelEngine
    weights: int | None
    """Bytes, where that is something else than its footprint said."""


Reading = Generator[bool | None, None, Ready]
"""Yields False where it waits for something, so that others may go on meanwhile."""


def footprint_of(folder: Path, config: EngineConfig, budget: int) -> Footprint:
    """budget: bytes for all models. Raises LoadFailed, and TooSmall where `cache_mb` doesn't hold one sequence."""
    if is_janus(folder):
        from engine.janus.footprint import needs_of

        return needs_of(folder, config, budget).footprint
    if not is_pipeline(folder):
        return text_footprint(folder, config, budget)
    from engine.image.footprint import footprint_of as image_footprint

    return image_footprint(folder, config, budget)


def read(name: str, folder: Path, weights: Weights, room: int, around: Surroundings) -> Reading:
    """Yields after every piece of work. room: bytes that it may take beside its weights. Raises LoadFailed."""
    if is_pipeline(folder):
        return _read_pipeline(folder, weights, room, around, around.spare_of(name))
    if is_janus(folder):
        return _read_janus(folder, weights, room, around)
    return _read_text(name, folder, weights, room, around)


def _read_text(name: str, folder: Path, weights: Weights, room: int, around: Surroundings) -> Reading:
    model = yield from load_model(folder, around.config, weights)
    model = yield from with_graphs(model, folder, around.config, around.counters)
    engine = TextEngine(
        model, around.config, around.counters, around.source, room=room, weights=weights,
        make_room=around.make_room, spare=around.spare_of(name), is_alone=partial(around.is_alone, name),
    )  # fmt: skip
    return Ready(engine, held_by(model.module))


def _read_pipeline(folder: Path, weights: Weights, room: int, around: Surroundings, spare: Spare) -> Reading:
    if weights != "full":
        raise LoadFailed(NO_PACKING)
    try:
        from engine.image.compatible.engine import CompatibleEngine
        from engine.image.compatible.loader import load_whole
        from engine.image.engine import ImageEngine
        from engine.image.loader import load_pipeline
    except ModuleNotFoundError as error:
        raise LoadFailed(NO_DIFFUSERS) from error
    if is_whole(folder):
        whole = yield from load_whole(folder, around.config)
        return Ready(
            CompatibleEngine(
                whole, around.config, around.counters, encoding=around.encoding, room=room, make_room=around.make_room
            ),
            None,
        )
    model = yield from load_pipeline(folder, around.config)
    engine = ImageEngine(
        model, around.config, around.counters, around.source, encoding=around.encoding, room=room,
        make_room=around.make_room, spare=spare,
    )  # fmt: skip
    return Ready(engine, None)


def _read_janus(folder: Path, weights: Weights, room: int, around: Surroundings) -> Reading:
    if weights != "full":
        raise LoadFailed(NO_PACKING)
    from engine.janus.engine import JanusEngine
    from engine.janus.footprint import needs_of
    from engine.janus.loader import load_janus

    needs = needs_of(folder, around.config, room)
    model = yield from load_janus(folder, around.config)
    engine = JanusEngine(
        model, around.config, around.counters, around.source, needs=needs, encoding=around.encoding, room=room,
        make_room=around.make_room,
    )  # fmt: skip
    return Ready(engine, None)
