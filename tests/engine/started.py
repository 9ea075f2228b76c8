"""Engines that tests start, and that are gone after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from tests.engine.device import ON_DEVICE

Start = Callable[..., EngineThread]


@contextmanager
def started_engines(**settings: object) -> Iterator[Start]:
    """`start(folders, **changes)`: an engine that serves the folders under their names, float32 on one thread unless
    the settings or the changes say otherwise."""
    engines: list[EngineThread] = []

    def start(folders: dict[str, Path], **changes: object) -> EngineThread:
        told = {"dtype": "float32", "threads": 1, "seed": 0} | ON_DEVICE | settings | changes
        engine = EngineThread(FolderSource(**folders), EngineConfig(**told))  # type: ignore[arg-type]
        engine.start()
        engines.append(engine)
        return engine

    try:
        yield start
    finally:
        for engine in engines:
            engine.stop(drain_seconds=0)
