"""Tiny pipelines of every family, and an engine that draws with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from tests.engine.image.tiny import FAMILIES, make_pipeline


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return {family: make_pipeline(root / family, family) for family in FAMILIES}


@pytest.fixture
def make_drawer(pipelines: dict[str, Path], checkpoints: dict[str, Path]) -> Iterator[Callable[..., EngineThread]]:
    """A started engine that serves the tiny pipelines under their family's name, and the text model “Llama”."""
    engines: list[EngineThread] = []

    def make(**changes: object) -> EngineThread:
        settings = {"dtype": "float32", "device": "cpu", "max_context": 512, "threads": 1, "seed": 0} | changes
        folders = {**pipelines, "Llama": checkpoints["Llama"]}
        engine = EngineThread(FolderSource(**folders), EngineConfig(**settings))
        engine.start()
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.stop(drain_seconds=0)
