from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from apps.catalog.models import HostedModel
from apps.generations import runner
from apps.generations.actions import submit_generation
from apps.generations.image_actions import submit_image
from apps.generations.models import GenerationJob
from apps.lib.redis import sync_client
from tests.generations.models import hosted, install_tiny
from tests.generations.pictures import hosted_painter
from tests.generations.scripted import ScriptedEngine, running_worker
from tests.world import World

Submit = Callable[..., GenerationJob]
Paint = Callable[..., list[GenerationJob]]


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("store")
    return root, install_tiny(root, tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def settings_of_tests(settings: Any, tiny_store: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.1)
    settings.MODEL_STORE = tiny_store[0]
    settings.LEASE_SECONDS = 2
    settings.HEARTBEAT_SECONDS = 0.2
    sync_client().flushdb()


@pytest.fixture
def model(db: None, tiny_store: tuple[Path, str]) -> HostedModel:
    return hosted(tiny_store[1])


@pytest.fixture
def submit(world: World, model: HostedModel) -> Submit:
    """Submit a prompt as the editor; keywords are parameters."""

    def make(text: str = "Say something", **params: Any) -> GenerationJob:
        messages = [{"role": "user", "content": text}]
        with transaction.atomic():  # what is refused ends the transaction that it is part of
            return submit_generation(
                actor=world.editor, project=world.project, model=model, messages=messages, params=params
            )

    return make


@pytest.fixture
def painter(db: None) -> HostedModel:
    return hosted_painter()


@pytest.fixture
def paint(world: World, painter: HostedModel) -> Paint:
    """Ask for pictures as the editor; keywords are parameters."""

    def make(prompt: str = "a red apple", count: int = 1, **params: Any) -> list[GenerationJob]:
        with transaction.atomic():
            return submit_image(
                actor=world.editor,
                project=world.project,
                model=painter,
                params={"prompt": prompt, **params},
                count=count,
            )

    return make


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine()
    yield engine
    engine.stop(drain_seconds=0)


@pytest.fixture
def worker(transactional_db: None, engine: ScriptedEngine) -> Iterator[Any]:
    """A Runner on the scripted engine that serves every model of the tests."""
    with running_worker(engine) as runner:
        yield runner
