"""A tiny Janus, as the engine loads it and as transformers does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import JanusForConditionalGeneration, JanusProcessor

from engine.config import EngineConfig
from engine.janus.loader import load_janus
from engine.janus.model import LoadedJanus
from engine.service import EngineThread, FolderSource
from tests.engine.janus.tiny import make_janus


@pytest.fixture(scope="session")
def janus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_janus(tmp_path_factory.mktemp("janus"))


def loaded(folder: Path, **changes: object) -> LoadedJanus:
    loading = load_janus(folder, EngineConfig(**({"dtype": "float32", "device": "cpu", "max_context": 256} | changes)))
    while True:
        try:
            next(loading)
        except StopIteration as done:
            return done.value


@pytest.fixture(scope="session")
def janus(janus_folder: Path) -> LoadedJanus:
    return loaded(janus_folder)


@pytest.fixture(scope="session")
def oracle(janus_folder: Path) -> Any:
    """transformers' own."""
    return JanusForConditionalGeneration.from_pretrained(
        janus_folder, dtype=torch.float32, local_files_only=True
    ).eval()


@pytest.fixture(scope="session")
def processor(janus_folder: Path) -> Any:
    return JanusProcessor.from_pretrained(janus_folder, local_files_only=True)


@pytest.fixture
def make_engine(janus_folder: Path) -> Iterator[Callable[..., EngineThread]]:
    """A started engine that serves it as “janus”."""
    engines: list[EngineThread] = []

    def make(**changes: object) -> EngineThread:
        settings = {"dtype": "float32", "device": "cpu", "max_context": 256, "threads": 1, "seed": 0} | changes
        engine = EngineThread(FolderSource(janus=janus_folder), EngineConfig(**settings))
        engine.start()
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.stop(drain_seconds=0)
