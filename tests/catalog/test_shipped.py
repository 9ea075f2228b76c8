"""The demo image model that lies beside the program: installed as people install it, and it draws."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError

from apps.catalog.models import HostedModel, Modality
from apps.catalog.store import model_store
from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from tests.catalog.conftest import Models
from tests.engine.image.drawing import draw, params


def test_it_is_installed_with_its_card_and_draws_a_red_apple(models: Models) -> None:
    models("install", "demo:emoji-64")
    model = HostedModel.objects.get(pk="emoji-64")
    version = model.default_version
    assert version is not None
    assert (model.modality, version.license_id, version.dtype) == (Modality.IMAGE, "Apache-2.0", "float16")
    assert "Noto Emoji" in version.model_card
    assert version.image_facts["width"] == 64
    folder = model_store().verified_path(version.digest)
    engine = EngineThread(FolderSource(emoji=folder), EngineConfig(device="cpu", threads=1))
    engine.start()
    try:
        picture = draw(engine, "emoji", params("a red apple", width=64, height=64, steps=12, guidance=3.0)).picture()
    finally:
        engine.stop(drain_seconds=0)
    middle = picture[24:48, 20:44].reshape(-1, 3).mean(axis=0)
    assert middle[0] > middle[1] + 60, "red"
    assert middle[0] > middle[2] + 60, "red"
    assert picture[:4].mean() > 225  # on white


def test_it_needs_no_file(models: Models, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="it needs no --from"):
        models("install", "demo:emoji-64", "--from", str(tmp_path / "some.whl"))


def test_it_is_missed_in_words(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    with pytest.raises(CommandError, match="but it does not"):
        models("install", "demo:emoji-64")
    assert not HostedModel.objects.exists()


def test_it_stays_small() -> None:
    folder = Path(settings.BASE_DIR) / "models" / "emoji-64"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 30_000_000
