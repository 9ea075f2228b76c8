from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.catalog.models import ModelVersion
from tests import demo_model, flush
from tests.world import World, make_world

flush.quickly_between_tests()


LONGEST_FIRST = (
    "test_workers.py",
    "test_triton.py",
    "test_graphs.py",
    "test_equality.py",
    "test_matrix.py",
    "test_crawler.py",
    "test_memory.py",
    "test_upstream_worker.py",
    "test_speculation.py",
    "test_reference.py",
    "test_residency.py",
)
"""Files that take long: begun first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True)
def pictures_of_tests(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a test draws is in nobody's way."""
    settings.ARTIFACT_STORE = tmp_path_factory.getbasetemp() / "artifacts"
    settings.PICTURE_KEYS = tmp_path_factory.getbasetemp() / "picture-keys"


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture(scope="session")
def demo_model_store() -> Path:
    """The root of a model store with the demo model in it; shared by all tests: don't change it."""
    return demo_model.ensure_demo_store()


@pytest.fixture
def demo_version(db: None, demo_model_store: Path, settings: Any) -> ModelVersion:
    """The demo model in the catalogue, with settings.MODEL_STORE where its files are."""
    settings.MODEL_STORE = demo_model_store
    return demo_model.add_demo_version(demo_model_store)
