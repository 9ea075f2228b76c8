"""Files of pictures over HTTP, in and out. Who may have them is asked before, by the views."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response

from apps.generations.artifact_files import png_of, thumbnail_of
from apps.generations.errors import Refused
from apps.generations.models import Artifact
from engine.pictures import Kind

ALWAYS_ASK = "private, no-cache"
"""A browser may keep it for itself, and asks before it shows it again."""


class SentPicture(NamedTuple):
    """A file that somebody sent; `name` and `declared` (the media type) are what they say of it."""

    data: bytes
    name: str
    declared: str


def sent_picture(request: HttpRequest) -> SentPicture:
    """The file of a form that is called `picture`. Raises Refused."""
    sent = request.FILES.get("picture")
    if sent is None:
        raise Refused(status=422, code="picture", message="Choose a picture first: no file came with this.")
    if sent.size is None or sent.size > settings.MAX_UPLOAD_MB * 1_000_000:
        message = f"The file is larger than {settings.MAX_UPLOAD_MB} MB. Save it smaller."
        raise Refused(status=413, code="too_large", message=message)
    return SentPicture(sent.read(), sent.name or "", sent.content_type or "")


def picture_response(request: HttpRequest, artifact: Artifact) -> HttpResponseBase:
    if (known := _not_modified(request, artifact.sha256)) is not None:
        return known
    return file_response(png_of(artifact), Kind.PNG, artifact.sha256, f'inline; filename="{artifact.pk}.png"')


def thumbnail_response(request: HttpRequest, artifact: Artifact, size: int) -> HttpResponseBase:
    tag = f"{artifact.sha256}-{size}"
    if (known := _not_modified(request, tag)) is not None:
        return known
    return file_response(thumbnail_of(artifact, size), Kind.WEBP, tag, "inline")


def file_response(data: bytes, kind: Kind, tag: str, disposition: str) -> HttpResponse:
    headers = {
        "Content-Disposition": disposition,
        "Cache-Control": ALWAYS_ASK,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if tag:
        headers["ETag"] = f'"{tag}"'
    return HttpResponse(data, content_type=kind.media_type, headers=headers)


def _not_modified(request: HttpRequest, tag: str) -> HttpResponseBase | None:
    """Asked after access, so that nobody learns from it whether a picture is there."""
    fresh = HttpResponse(headers={"ETag": f'"{tag}"', "Cache-Control": ALWAYS_ASK})
    answer = get_conditional_response(request, etag=f'"{tag}"', response=fresh)
    return None if answer is fresh else answer
