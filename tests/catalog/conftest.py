from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.catalog.hub import Hub, serving
from tests.engine.model_folders import make_folder

Models = Callable[..., str]


@pytest.fixture
def store_root(tmp_path: Path, settings: Any) -> Path:
    """An empty model store of its own."""
    settings.MODEL_STORE = tmp_path / "store"
    return tmp_path / "store"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder that can be installed."""
    return make_folder(tmp_path / "Tiny Llama")


@pytest.fixture
def models(db: None, store_root: Path, django_capture_on_commit_callbacks: Any) -> Models:
    """`manage.py models …`, and what it says."""

    def run(*arguments: str) -> str:
        said = StringIO()
        with django_capture_on_commit_callbacks(execute=True):
            call_command("models", *arguments, stdout=said, stderr=StringIO())
        return said.getvalue()

    return run


@pytest.fixture
def hub(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub(tiny)
    with serving(made) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield made
