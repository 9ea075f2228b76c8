"""Bring a picture along, put one into the bin, take it out, erase it for good."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.generations.actions import wipe_content
from apps.generations.broadcast import pictures_back, pictures_gone
from apps.generations.erasing import erase_pictures
from apps.generations.errors import Refused
from apps.generations.kept_pictures import discard, keep
from apps.generations.models import Artifact, Origin
from apps.projects.models import Project
from engine.pictures import Limits, PictureRefused, decode, decode_mask

PURGED_AT_ONCE = 50
FULL = "The picture could not be written ({error}). Tell an administrator; nothing was kept."


def upload_artifact(
    *,
    actor: User,
    project: Project,
    data: bytes,
    name: str = "",
    declared: str = "",
    is_mask: bool = False,
    origin: Origin = Origin.UPLOADED,
) -> Artifact:
    """Only its pixels are kept: as RGB, of a mask as greyscale. `name` and `declared` (the media type) are what was
    said about the file. Raises Refused, and then nothing was kept."""
    limits, clean = Limits(megabytes=settings.MAX_UPLOAD_MB), decode_mask if is_mask else decode
    try:
        kept = keep(clean(data, name=name, declared=declared, limits=limits))
    except PictureRefused as refusal:
        raise Refused(status=422, code="picture", message=str(refusal)) from refusal
    except OSError as error:
        raise Refused(status=507, code="storage", message=FULL.format(error=error.strerror)) from error
    try:
        with transaction.atomic():
            artifact = kept.row(project_id=project.pk, user_id=actor.pk, job_id=None, origin=origin)
            artifact.save(force_insert=True)
            size = {"width": kept.width, "height": kept.height, "size_bytes": kept.size_bytes}
            _record("artifact.uploaded", actor, artifact, **size)
    except Exception:
        discard(kept)
        raise
    return artifact


@transaction.atomic
def delete_artifacts(*, actor: User, project: Project, artifacts: Iterable[Artifact]) -> list[str]:
    """Of the project, into the bin, where they can be restored for ARTIFACT_BIN_DAYS; open studios take them out at
    once. The ids of those that weren't there already."""
    kept = Artifact.objects.kept()
    gone = [each for each in artifacts if kept.filter(pk=each.pk).update(deleted_at=Now())]
    for artifact in gone:
        _record("artifact.deleted", actor, artifact)
    pictures_gone(project.pk, [each.pk for each in gone])
    return [each.pk for each in gone]


@transaction.atomic
def restore_artifacts(*, actor: User, project: Project, artifacts: Iterable[Artifact]) -> list[str]:
    """Of the project, out of the bin; open studios hang them up again. The ids of those that were there."""
    binned = Artifact.objects.in_bin()
    back = [each for each in artifacts if binned.filter(pk=each.pk).update(deleted_at=None)]
    for artifact in back:
        _record("artifact.restored", actor, artifact)
    pictures_back(project.pk, [each.pk for each in back])
    return [each.pk for each in back]


def purge_artifacts() -> int:
    """Erase what was in the bin for longer than ARTIFACT_BIN_DAYS, what was asked for included; how many."""
    since = Now() - timedelta(days=settings.ARTIFACT_BIN_DAYS)
    overdue = Artifact.objects.filter(deleted_at__lt=since).order_by("deleted_at").values_list("pk", flat=True)
    return sum(_purge(artifact_id) for artifact_id in list(overdue[:PURGED_AT_ONCE]))


@transaction.atomic
def _purge(artifact_id: str) -> bool:
    rows = Artifact.objects.select_for_update(skip_locked=True).filter(pk=artifact_id, deleted_at__isnull=False)
    artifact = rows.first()
    if artifact is not None:
        erase_artifact(artifact)
    return artifact is not None


@transaction.atomic
def erase_artifact(artifact: Artifact) -> None:
    """For good, and what was asked for as well."""
    _record("artifact.purged", None, artifact)
    if artifact.job_id:
        wipe_content([artifact.job_id])
    else:
        erase_pictures(Artifact.objects.filter(pk=artifact.pk))


def _record(action: str, actor: User | None, artifact: Artifact, **details: Any) -> None:
    record(action, actor=actor, target=Target("artifact", artifact.pk), project_id=artifact.project_id, **details)
