"""Bring a mask: an uploaded picture that the gallery doesn't show."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.generations.artifact_actions import upload_artifact
from apps.generations.models import Artifact
from apps.projects.models import Project
from apps.studio.models import Mask


@transaction.atomic
def upload_mask(*, actor: User, project: Project, data: bytes, name: str, declared: str) -> Artifact:
    """Raises Refused for what is no picture, or would change nothing."""
    artifact = upload_artifact(actor=actor, project=project, data=data, name=name, declared=declared, is_mask=True)
    Mask.objects.create(artifact=artifact)
    return artifact
