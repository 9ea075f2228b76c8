"""Several pictures at once: a ZIP that is made while it is sent."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from apps.catalog.models import HostedModel
from apps.generations.picture_store import path_of, write
from engine.pictures import pixels_sha256
from tests.generations.pictures import picture, png_of
from tests.studio.build import painted
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"


def test_one_picture_is_made_at_a_time(world: World, editor: Client, painter: HostedModel) -> None:
    """What is changed on the disk after a piece was sent is in all that follow it."""
    made = [painted(world.project, world.editor, painter, f"number {number}") for number in range(4)]
    before, after = png_of(picture(1)), png_of(picture(2))
    for each in made:
        write(path_of(each.pk), before)
    answer = editor.post(
        f"/p/{world.project.pk}/studio/download/", {"metadata": "full", "pictures": [each.pk for each in made]}
    )
    assert answer["Content-Disposition"] == 'attachment; filename="pictures-4.zip"'

    async def collected() -> bytes:
        pieces = []
        async for piece in answer:
            pieces.append(piece)
            for late in made[len(pieces) :]:
                write(path_of(late.pk), after if len(pieces) == 2 else before)
        return b"".join(pieces)

    with zipfile.ZipFile(io.BytesIO(async_to_sync(collected)())) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"number-{number}-7.png" for number in range(4)]
        found = [pixels_sha256(archive.read(name)) for name in archive.namelist()]
    old, new = pixels_sha256(before), pixels_sha256(after)
    assert found == [old, old, new, old]
