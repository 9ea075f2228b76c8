"""Bring a mask: an uploaded picture that the gallery doesn't show; erase those that nothing needs any more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.generations.artifact_actions import PURGED_AT_ONCE, erase_artifact, upload_artifact
from apps.generations.models import TERMINAL, Artifact, GenerationJob, Kind
from apps.projects.models import Project
from apps.studio.models import Mask


@transaction.atomic
def upload_mask(*, actor: User, project: Project, data: bytes, name: str, declared: str) -> Artifact:
    """Raises Refused for what is no picture, or would change nothing."""
    artifact = upload_artifact(actor=actor, project=project, data=data, name=name, declared=declared, is_mask=True)
    Mask.objects.create(artifact=artifact)
    return artifact


def forget_unused_masks() -> int:
    """Erase those that are older than ARTIFACT_BIN_DAYS and that no job names which waits or runs, has its picture, or
    was asked for since then; how many."""
    return sum(map(_erased, list(_unused().values_list("pk", flat=True)[:PURGED_AT_ONCE])))


def _unused() -> QuerySet[Mask]:
    since = Now() - timedelta(days=settings.ARTIFACT_BIN_DAYS)
    jobs = GenerationJob.objects.filter(kind=Kind.IMAGE).annotate(named=KeyTextTransform("mask", "params"))
    needed = jobs.filter(~Q(state__in=TERMINAL) | Q(artifact__isnull=False) | Q(created_at__gt=since))
    return Mask.objects.filter(~Exists(needed.filter(named=OuterRef("pk"))), artifact__created_at__lt=since)


@transaction.atomic
def _erased(mask_id: str) -> bool:
    """Asked again under a lock: another process may be at it, and somebody may have named it just now."""
    mask = _unused().select_for_update(skip_locked=True, of=("self",)).filter(pk=mask_id).first()
    if mask is not None:
        erase_artifact(mask.artifact)
    return mask is not None
