"""Pictures over HTTP. Whoever may see the project gets them, and is asked every time; nobody else, by no address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.generations.artifact_access import get_artifact_for
from apps.generations.artifact_actions import delete_artifacts, restore_artifacts, upload_artifact
from apps.generations.artifact_files import FORMATS, METADATA, download_of, name_of
from apps.generations.artifact_json import artifact_json
from apps.generations.errors import Refused
from apps.generations.json_views import PersonRequest, asks_for_page, json_view, open_json_view
from apps.generations.models import Artifact
from apps.generations.picture_http import file_response, picture_response, sent_picture, thumbnail_response
from apps.projects.access import get_project_for
from apps.projects.models import Role

Choice = TypeVar("Choice")


@require_GET
@open_json_view
def picture(request: HttpRequest, aid: str) -> HttpResponseBase:
    return picture_response(request, get_artifact_for(request.user, aid))


@require_GET
@open_json_view
def thumbnail(request: HttpRequest, aid: str, size: int) -> HttpResponseBase:
    """With `deleted` of one in the bin, for who may restore it."""
    deleted = "deleted" in request.GET
    role = Role.EDITOR if deleted else Role.VIEWER
    return thumbnail_response(
        request, get_artifact_for(request.user, aid, role, writable=deleted, in_bin=deleted), size
    )


@require_GET
def download(request: HttpRequest, aid: str) -> HttpResponseBase:
    """With `as` (png, jpeg, webp) and `metadata` (full, a1111, none, c2pa, c2pa-full): what the file tells about
    itself. A browser that can't have it goes back to the picture, where the reason stands."""
    return _download_page(request, aid) if asks_for_page(request) else _download_json(request, aid)


@open_json_view
def _download_json(request: HttpRequest, aid: str) -> HttpResponseBase:
    return _file(request, get_artifact_for(request.user, aid))


@login_required
def _download_page(request: HttpRequest, aid: str) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid)
    try:
        return _file(request, artifact)
    except (Refused, Http404) as refusal:
        messages.error(request, str(refusal))
        return redirect("picture", artifact.pk)


def _file(request: HttpRequest, artifact: Artifact) -> HttpResponseBase:
    kind = _chosen(FORMATS, request.GET.get("as", "png"), "as")
    tells = _chosen(METADATA, request.GET.get("metadata", "full" if artifact.job_id else "none"), "metadata")
    name = name_of(artifact, kind)
    response = file_response(
        download_of(artifact, kind, tells), kind, "", f"attachment; filename*=UTF-8''{quote(name)}"
    )
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@json_view
def upload(request: PersonRequest, pid: str) -> HttpResponseBase:
    """A file called `picture`."""
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    artifact = upload_artifact(actor=request.user, project=project, **sent_picture(request)._asdict())
    return JsonResponse(artifact_json(artifact), status=201)


@require_POST
@json_view
def delete(request: PersonRequest, aid: str) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid, Role.EDITOR, writable=True)
    delete_artifacts(actor=request.user, project=artifact.project, artifacts=[artifact])
    return JsonResponse({"artifact": artifact.pk, "deleted": True})


@require_POST
@json_view
def restore(request: PersonRequest, aid: str) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid, Role.EDITOR, writable=True, in_bin=True)
    restore_artifacts(actor=request.user, project=artifact.project, artifacts=[artifact])
    return JsonResponse(artifact_json(artifact))


def _chosen(offered: Mapping[str, Choice], wanted: str, name: str) -> Choice:
    if wanted not in offered:
        message = f"“{name}” must be one of {', '.join(offered)}."
        raise Refused(status=422, code="invalid", message=message, field=name)
    return offered[wanted]
