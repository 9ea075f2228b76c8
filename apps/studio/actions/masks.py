"""Bring a mask: an uploaded picture that the gallery doesn't show; erase those that nothing needs any more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
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
    since = Now() - timedelta(days=settings.ARTIFACT_BIN_DAYS)
    jobs = GenerationJob.objects.filter(kind=Kind.IMAGE).annotate(named=KeyTextTransform("mask", "params"))
    needed = jobs.filter(~Q(state__in=TERMINAL) | Q(artifact__isnull=False) | Q(created_at__gt=since))
    unused = Mask.objects.filter(~Exists(needed.filter(named=OuterRef("pk"))), artifact__created_at__lt=since)
    found = Artifact.objects.filter(mask__in=list(unused[:PURGED_AT_ONCE]))
    for mask in found:
        erase_artifact(mask)
    return len(found)
