"""Tiny pipelines of every family, and an engine that draws with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from engine.service import EngineThread
from tests.engine.image.tiny import FAMILIES, make_pipeline
from tests.engine.image.tiny_whole import SIDES, make_whole
from tests.engine.started import started_engines


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return {family: make_pipeline(root / family, family) for family in FAMILIES}


@pytest.fixture(scope="module")
def make_drawer(pipelines: dict[str, Path], checkpoints: dict[str, Path]) -> Iterator[Callable[..., EngineThread]]:
    """A started engine that serves the tiny pipelines under their family's name, and the text model “Llama”."""
    with started_engines(max_context=512) as start:
        yield partial(start, {**pipelines, "Llama": checkpoints["Llama"]})


@pytest.fixture(scope="module")
def drawer(make_drawer: Callable[..., EngineThread]) -> EngineThread:
    """One for a whole file: for tests that neither change it nor look at what it loads."""
    return make_drawer()


@pytest.fixture(scope="session")
def whole_pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("whole-pipelines")
    return {family: make_whole(root / family, family) for family in SIDES}


@pytest.fixture
def make_whole_drawer(
    whole_pipelines: dict[str, Path], checkpoints: dict[str, Path]
) -> Iterator[Callable[..., EngineThread]]:
    """Like `make_drawer`, with those of the compatible lane."""
    with started_engines(max_context=512) as start:
        yield partial(start, {**whole_pipelines, "Llama": checkpoints["Llama"]})
