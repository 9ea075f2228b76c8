from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.models import GenerationJob
from apps.lib.redis import sync_client
from tests.faults.processes import WorkerProcess
from tests.generations.models import hosted, install_tiny
from tests.preloaded.forked import SERVER
from tests.preloaded.running import preloaded_server
from tests.world import World


@pytest.fixture(scope="session")
def slow_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A random model that is slow enough to be interrupted and practically never says its end token."""
    root = tmp_path_factory.mktemp("store")
    shape = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 12, "max_position_embeddings": 2048}
    return root, install_tiny(root, tmp_path_factory.mktemp("slow"), **shape)


@pytest.fixture
def submit(
    transactional_db: None, world: World, slow_store: tuple[Path, str], settings: Any
) -> Callable[..., GenerationJob]:
    settings.MODEL_STORE = slow_store[0]
    sync_client().flushdb()
    model: HostedModel = hosted(slow_store[1], context_length=2048)

    def make(text: str, **params: Any) -> GenerationJob:
        messages = [{"role": "user", "content": text}]
        return submit_generation(
            actor=world.editor,
            project=world.project,
            model=model,
            messages=messages,
            params={"temperature": 0, "repetition_penalty": 1.3, **params},
        )

    return make


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
    """Start worker processes; all are gone after the test."""
    started: list[WorkerProcess] = []

    def make(**environment: str) -> WorkerProcess:
        started.append(WorkerProcess(tmp_path / f"worker-{len(started)}.log", **environment))
        return started[-1]

    yield make
    for worker in started:
        if worker.runs:
            worker.kill()
        sys.stdout.write(f"--- worker {worker.id or worker.pid}\n{worker.output()}")
