"""The rows of `apps/generations`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from apps.generations.kept_pictures import keep
from apps.generations.log import LogWriter, Preview
from apps.generations.models import GenerationJob, Kind, State
from apps.lib.redis import sync_client
from engine.types import ImageEvent
from tests.generations.pictures import hosted_painter, picture, png_of
from tests.generations.scripted_pictures import pixels_of
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

job_preview                          GET     404   404  200  200  200  404
job_events                           GET     404   404  404  404  404  404
job_receipt                          GET     login 404  200  200  200  404
job_receipt_json                     GET     401   404  200  200  200  404
job_reproduce                        POST    401   404  403  422  422  404
artifact_upload                      POST    401   404  403  422  422  404
artifact                             GET     404   404  200  200  200  404
artifact_thumbnail                   GET     404   404  200  200  200  404
artifact_download                    GET     404   404  200  200  200  404
artifact_delete                      POST    401   404  403  200  200  404
artifact_restore                     POST    401   404  403  200  200  404
"""
"""Events are asked for in a thread that sees nothing of what is written here: see test_job_events.py."""
FORMS: dict[tuple[str, str], dict[str, Any]] = {}
JSON: dict[tuple[str, str], dict[str, Any]] = {}
"""A form without a file, and weights that are nowhere: both are refused, after the question of who asks."""
ASKED = {
    "prompt": "a red apple", "negative_prompt": "", "width": 64, "height": 64, "steps": 6, "guidance": 4.0, "seed": 1,
    "scheduler": "default", "strength": 0.6, "source": None, "mask": None,
}  # fmt: skip


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    version = hosted_painter().default_version
    of_the_project = {"project": world.project, "user": world.owner, "model_version": version, "params": ASKED}
    running, done, gone = (
        GenerationJob.objects.create(kind=Kind.IMAGE, state=state, **of_the_project)
        for state in (State.RUNNING, State.SUCCEEDED, State.SUCCEEDED)
    )
    LogWriter(sync_client()).append([], [Preview(running.pk, 1, b"webp")])
    kept, deleted = made(world, done), made(world, gone, deleted_at=Now())
    job, artifact = {"jid": done.pk}, {"aid": kept}
    return {
        "job_preview": {"jid": running.pk},
        "job_events": job,
        "job_receipt": job,
        "job_receipt_json": job,
        "job_reproduce": job,
        "artifact_upload": {"pid": world.project.pk},
        "artifact": artifact,
        "artifact_thumbnail": artifact | {"size": 256},
        "artifact_download": artifact,
        "artifact_delete": artifact,
        "artifact_restore": {"aid": deleted},
    }


def made(world: World, job: GenerationJob, **more: Any) -> str:
    image = picture(1)
    kept = keep(ImageEvent("x", png_of(image), *image.size, pixels_of(image)))
    row = kept.row(project_id=world.project.pk, user_id=world.owner.pk, job_id=job.pk, origin="generated")
    for name, value in more.items():
        setattr(row, name, value)
    row.save()
    return row.pk
