"""The only way to a picture: through the project it belongs to."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from apps.accounts.models import User
from apps.generations.models import Artifact
from apps.lib.ids import is_id
from apps.projects.access import in_projects_of, require
from apps.projects.models import Role


def get_artifact_for(
    user: User | AnonymousUser,
    artifact_id: str,
    role: Role = Role.VIEWER,
    *,
    writable: bool = False,
    in_bin: bool = False,
) -> Artifact:
    """The picture, where `user` has at least `role` in its project; one in the bin only with `in_bin`. One query.

    Raises Http404 for a stranger (the same as for no such picture) and PermissionDenied with a sentence for a member
    with too small a role, or with `writable` where the project is archived.
    """
    rows = Artifact.objects.of_projects().filter(deleted_at__isnull=not in_bin)
    rows = rows.select_related("job__model_version__hosted_model")
    artifact = in_projects_of(user, rows).filter(pk=artifact_id).first() if is_id(artifact_id) else None
    if artifact is None:
        raise Http404("There is no such picture.")
    role_there = Role(artifact.role_there)  # type: ignore[attr-defined]  # annotated
    require(artifact.project, role_there, role, writable=writable)
    return artifact
