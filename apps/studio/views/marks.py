"""What is done to several pictures at once, or to one: like, delete, bring back."""

from __future__ import annotations

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from apps.generations.artifact_actions import delete_artifacts, restore_artifacts
from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.studio.access import deleted_in, pictures_in
from apps.studio.actions.favourites import set_favourite
from apps.studio.inputs import flag_in, ids_in


@require_POST
@json_view
def favourite(request: PersonRequest, pid: str) -> HttpResponseBase:
    """For whoever may look: a favourite is their own."""
    data = body_of(request)
    project = get_project_for(request.user, pid)
    pictures = pictures_in(project, ids_in(data.get("pictures")))
    set_favourite(actor=request.user, pictures=pictures, on=flag_in(data, "on"))
    return JsonResponse({"pictures": [each.pk for each in pictures]})


@require_POST
@json_view
def delete(request: PersonRequest, pid: str) -> HttpResponseBase:
    data = body_of(request)
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    pictures = pictures_in(project, ids_in(data.get("pictures")))
    delete_artifacts(actor=request.user, project=project, artifacts=pictures)
    return JsonResponse({"pictures": [each.pk for each in pictures]})


@require_POST
@json_view
def restore(request: PersonRequest, pid: str) -> HttpResponseBase:
    """Those of them that were deleted; the others are there anyway."""
    data = body_of(request)
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    deleted = deleted_in(project, ids_in(data.get("pictures")))
    back = restore_artifacts(actor=request.user, project=project, artifacts=deleted)
    return JsonResponse({"pictures": back})
