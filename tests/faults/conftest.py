from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from apps.catalog.models import HostedModel
from apps.conversations.models import Conversation
from apps.generations.actions import submit_generation
from apps.generations.models import GenerationJob
from apps.lib.redis import sync_client
from tests.conversations.build import make_conversation
from tests.faults.processes import SiteProcess, WorkerProcess
from tests.faults.web import WebProcess
from tests.generations.models import hosted, install_tiny
from tests.preloaded.forked import SERVER
from tests.preloaded.running import preloaded_server
from tests.world import World

Started = TypeVar("Started", bound=SiteProcess)
PARAMS = {"temperature": 0, "repetition_penalty": 1.3}


@pytest.fixture(scope="session")
def slow_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A random model that is slow enough to be interrupted and practically never says its end token."""
    root = tmp_path_factory.mktemp("store")
    shape = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 12, "max_position_embeddings": 2048}
    return root, install_tiny(root, tmp_path_factory.mktemp("slow"), **shape)


@pytest.fixture
def slow_model(transactional_db: None, slow_store: tuple[Path, str], settings: Any) -> HostedModel:
    settings.MODEL_STORE = slow_store[0]
    sync_client().flushdb()
    return hosted(slow_store[1], context_length=2048)


@pytest.fixture
def submit(slow_model: HostedModel, world: World) -> Callable[..., GenerationJob]:
    def make(text: str, **params: Any) -> GenerationJob:
        messages = [{"role": "user", "content": text}]
        return submit_generation(
            actor=world.editor,
            project=world.project,
            model=slow_model,
            messages=messages,
            params=PARAMS | params,
        )

    return make


@pytest.fixture
def talk(slow_model: HostedModel, world: World) -> Conversation:
    """A conversation with the slow model."""
    conversation = make_conversation(world.project, world.editor, slow_model)
    Conversation.objects.filter(pk=conversation.pk).update(params=PARAMS)
    return Conversation.objects.get(pk=conversation.pk)


def _starting(kind: type[Started], folder: Path) -> Iterator[Callable[..., Started]]:
    """Start processes of a kind, each with a log of its own; all are gone after the test."""
    started: list[Started] = []

    def start(**environment: str) -> Started:
        started.append(kind(folder / f"{kind.name}-{len(started)}.log", **environment))
        return started[-1]

    yield start
    for process in started:
        if process.runs:
            process.kill()
        sys.stdout.write(f"--- {process}\n{process.output()}")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Callable[[], WebProcess]]:
    """Start web processes."""
    yield from _starting(WebProcess, tmp_path)


@pytest.fixture(scope="session")
def preloaded() -> Iterator[None]:
    """The server of preloaded processes; a run of all tests has one already."""
    if SERVER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="atrium-") as folder, preloaded_server(Path(folder)):
        yield


@pytest.fixture
def start(tmp_path: Path, preloaded: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Start worker processes."""
    yield from _starting(WorkerProcess, tmp_path)
