"""Delete several pictures, and bring them back."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.accounts.models import User
from apps.generations.artifact_actions import delete_artifact, restore_artifact
from apps.generations.models import Artifact
from apps.projects.models import Project
from apps.studio import broadcast


@transaction.atomic
def delete_pictures(*, actor: User, project: Project, pictures: Sequence[Artifact]) -> None:
    """They can be brought back for ARTIFACT_BIN_DAYS; every open studio takes them out at once."""
    for picture in pictures:
        delete_artifact(actor=actor, artifact=picture)
    broadcast.pictures_gone(project.pk, [each.pk for each in pictures])


@transaction.atomic
def restore_pictures(*, actor: User, project: Project, ids: Sequence[str]) -> list[str]:
    """The ids of those that came back."""
    deleted = Artifact.objects.exclude(deleted_at=None).filter(project=project, pk__in=list(ids))
    found = list(deleted.select_related("project"))
    for picture in found:
        restore_artifact(actor=actor, artifact=picture)
    return [each.pk for each in found]
