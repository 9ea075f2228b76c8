"""A tiny Janus, as the engine loads it and as transformers does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import JanusForConditionalGeneration, JanusProcessor

from engine.config import EngineConfig
from engine.janus.loader import load_janus
from engine.janus.model import LoadedJanus
from engine.loaded import at_once
from engine.service import EngineThread
from tests.engine.device import DEVICE
from tests.engine.janus.tiny import make_janus
from tests.engine.started import started_engines


@pytest.fixture(scope="session")
def janus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_janus(tmp_path_factory.mktemp("janus"))


def loaded(folder: Path, **changes: object) -> LoadedJanus:
    settings = {"dtype": "float32", "device": DEVICE, "max_context": 256} | changes
    return at_once(load_janus(folder, EngineConfig(**settings)))


@pytest.fixture(scope="session")
def janus(janus_folder: Path) -> LoadedJanus:
    return loaded(janus_folder)


@pytest.fixture(scope="session")
def oracle(janus_folder: Path) -> Any:
    """transformers' own."""
    model = JanusForConditionalGeneration.from_pretrained(janus_folder, dtype=torch.float32, local_files_only=True)
    return model.eval().to(DEVICE)


@pytest.fixture(scope="session")
def processor(janus_folder: Path) -> Any:
    return JanusProcessor.from_pretrained(janus_folder, local_files_only=True)


@pytest.fixture
def make_engine(janus_folder: Path) -> Iterator[Callable[..., EngineThread]]:
    """A started engine that serves it as “janus”."""
    with started_engines(max_context=256) as start:
        yield partial(start, {"janus": janus_folder})
