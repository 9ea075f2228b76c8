"""Tiny checkpoints and an engine to run them, for all tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from engine.service import EngineThread
from engine.store import ModelStore
from tests.engine.started import started_engines
from tests.engine.tiny import FAMILIES, make_checkpoint


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny matrices gain nothing from two cores, and lose much where others use them."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {family: make_checkpoint(root / family, family) for family in FAMILIES}


@pytest.fixture(scope="session")
def demo_model(demo_model_store: Path) -> Path:
    """The folder of the demo text model."""
    from tests.demo_model import demo_manifest  # needs Django, which the other tests of the engine do without

    return ModelStore(demo_model_store).path(demo_manifest(demo_model_store).digest)


@pytest.fixture
def make_engine(checkpoints: dict[str, Path]) -> Iterator[Callable[..., EngineThread]]:
    """A started engine that serves the tiny checkpoints under their family's name, float32 unless told."""
    with started_engines(max_context=512) as start:
        yield partial(start, checkpoints)
