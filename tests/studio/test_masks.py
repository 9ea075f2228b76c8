"""Masks that nothing needs any more are erased; no page lists them, so nobody could do it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from PIL import Image

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.models import Artifact, State
from apps.generations.picture_store import path_of
from apps.lib.chores import chores
from apps.studio.actions.masks import forget_unused_masks, upload_mask
from apps.studio.models import Mask
from tests.generations.pictures import png_of
from tests.studio.build import painted, painting, uploaded
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"


def test_masks_that_no_picture_names_are_erased(
    world: World, painter: HostedModel, django_capture_on_commit_callbacks: Any
) -> None:
    def mask(age: int = 400) -> str:
        white = png_of(Image.new("L", (64, 64), 255))
        made = upload_mask(actor=world.editor, project=world.project, data=white, name="m.png", declared="image/png")
        Artifact.objects.filter(pk=made.pk).update(created_at=Now() - timedelta(days=age))
        return made.pk

    unused, young, failed, erased = mask(), mask(age=6), mask(), mask()
    of_picture, of_deleted, of_waiting, of_failure = (mask() for _ in range(4))
    who = (world.project, world.editor, painter)
    painted(*who, source="s", mask=of_picture)
    Artifact.objects.filter(pk=painted(*who, source="s", mask=of_deleted).pk).update(deleted_at=Now())
    waiting = painting(*who, mask=of_waiting)
    painting(*who, state=State.FAILED, mask=of_failure)
    old = painting(*who, state=State.FAILED, mask=failed)
    gone = painting(*who, "", state=State.SUCCEEDED, mask=erased)
    for job in (waiting, old, gone):
        type(job).objects.filter(pk=job.pk).update(created_at=Now() - timedelta(days=300))
    photo = uploaded(*who[:2])
    Artifact.objects.filter(pk=photo.pk).update(created_at=Now() - timedelta(days=400))

    with django_capture_on_commit_callbacks(execute=True):
        assert chores()["studio.forget_unused_masks"].work() == 3
    kept = {young, of_picture, of_deleted, of_waiting, of_failure}
    assert set(Mask.objects.values_list("pk", flat=True)) == kept
    assert {each for each in {unused, failed, erased} | kept if path_of(each).exists()} == kept
    assert Artifact.objects.filter(pk=photo.pk).exists(), "no mask"
    purged = AuditEvent.objects.filter(action="artifact.purged").values_list("target_id", flat=True)
    assert set(purged) == {unused, failed, erased}
    assert chores()["studio.forget_unused_masks"].work() == 0


@pytest.mark.django_db(transaction=True)
def test_two_processes_erase_a_mask_once(world: World) -> None:
    white = png_of(Image.new("L", (64, 64), 255))
    made = upload_mask(actor=world.editor, project=world.project, data=white, name="m.png", declared="image/png")
    Artifact.objects.filter(pk=made.pk).update(created_at=Now() - timedelta(days=400))
    together = threading.Barrier(2)

    def forget(_: int) -> int:
        together.wait(10)
        try:
            return forget_unused_masks()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as both:
        assert sum(both.map(forget, range(2))) == 1
    assert AuditEvent.objects.filter(action="artifact.purged").count() == 1
