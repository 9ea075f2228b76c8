"""Pictures over HTTP. Whoever may see the project gets them, and is asked every time; nobody else, by no address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET, require_POST

from apps.generations.artifact_access import get_artifact_for
from apps.generations.artifact_actions import delete_artifact, restore_artifact, upload_artifact
from apps.generations.artifact_files import FORMATS, METADATA, download_of, name_of, png_of, thumbnail_of
from apps.generations.artifact_json import artifact_json
from apps.generations.errors import Refused
from apps.generations.json_views import PersonRequest, json_view, open_json_view
from apps.projects.access import get_project_for
from apps.projects.models import Role
from engine.pictures import Kind

Choice = TypeVar("Choice")
ALWAYS_ASK = "private, no-cache"
"""A browser may keep it for itself, and asks before it shows it again."""


@require_GET
@open_json_view
def picture(request: HttpRequest, aid: str) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid)
    if (known := _not_modified(request, artifact.sha256)) is not None:
        return known
    return _file(png_of(artifact), Kind.PNG, artifact.sha256, f'inline; filename="{artifact.pk}.png"')


@require_GET
@open_json_view
def thumbnail(request: HttpRequest, aid: str, size: int) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid)
    tag = f"{artifact.sha256}-{size}"
    if (known := _not_modified(request, tag)) is not None:
        return known
    return _file(thumbnail_of(artifact, size), Kind.WEBP, tag, "inline")


@require_GET
@open_json_view
def download(request: HttpRequest, aid: str) -> HttpResponseBase:
    """With `as` (png, jpeg, webp) and `metadata` (full, a1111, none, c2pa): what the file tells about itself."""
    artifact = get_artifact_for(request.user, aid)
    kind = _chosen(FORMATS, request.GET.get("as", "png"), "as")
    carries = _chosen(METADATA, request.GET.get("metadata", "full" if artifact.job_id else "none"), "metadata")
    name = name_of(artifact, kind)
    response = _file(download_of(artifact, kind, carries), kind, "", f"attachment; filename*=UTF-8''{quote(name)}")
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@json_view
def upload(request: PersonRequest, pid: str) -> HttpResponseBase:
    """A file called `picture`; with `mask` it is one of what to draw anew."""
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    sent = request.FILES.get("picture")
    if sent is None:
        raise Refused(status=422, code="picture", message="Choose a picture first: no file came with this.")
    if sent.size is None or sent.size > settings.MAX_UPLOAD_MB * 1_000_000:
        message = f"The file is larger than {settings.MAX_UPLOAD_MB} MB. Save it smaller."
        raise Refused(status=413, code="too_large", message=message)
    artifact = upload_artifact(
        actor=request.user,
        project=project,
        data=sent.read(),
        name=sent.name or "",
        declared=sent.content_type or "",
        is_mask=bool(request.POST.get("mask")),
    )
    return JsonResponse(artifact_json(artifact), status=201)


@require_POST
@json_view
def delete(request: PersonRequest, aid: str) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid, Role.EDITOR, writable=True)
    delete_artifact(actor=request.user, artifact=artifact)
    return JsonResponse({"artifact": artifact.pk, "deleted": True})


@require_POST
@json_view
def restore(request: PersonRequest, aid: str) -> HttpResponseBase:
    artifact = get_artifact_for(request.user, aid, Role.EDITOR, writable=True, in_bin=True)
    restore_artifact(actor=request.user, artifact=artifact)
    return JsonResponse(artifact_json(artifact))


def _chosen(offered: Mapping[str, Choice], wanted: str, name: str) -> Choice:
    if wanted not in offered:
        message = f"“{name}” must be one of {', '.join(offered)}."
        raise Refused(status=422, code="invalid", message=message, field=name)
    return offered[wanted]


def _not_modified(request: HttpRequest, tag: str) -> HttpResponseBase | None:
    """Asked after access, so that nobody learns from it whether a picture is there."""
    fresh = HttpResponse(headers={"ETag": f'"{tag}"', "Cache-Control": ALWAYS_ASK})
    answer = get_conditional_response(request, etag=f'"{tag}"', response=fresh)
    return None if answer is fresh else answer


def _file(data: bytes, kind: Kind, tag: str, disposition: str) -> HttpResponse:
    headers = {
        "Content-Disposition": disposition,
        "Cache-Control": ALWAYS_ASK,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if tag:
        headers["ETag"] = f'"{tag}"'
    return HttpResponse(data, content_type=kind.media_type, headers=headers)
