"""Files in and out: read how a dropped picture was made, take a mask, give several pictures as a ZIP."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.catalog.models import Modality
from apps.generations.artifact_json import artifact_json
from apps.generations.errors import Refused
from apps.generations.json_views import PersonRequest, json_view
from apps.generations.picture_http import sent_picture
from apps.governance.access import usable_models
from apps.lib.streaming import while_sent
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.studio.access import pictures_in
from apps.studio.actions.downloads import download_pictures
from apps.studio.actions.masks import upload_mask
from apps.studio.inputs import ids_in, refused
from apps.studio.recovering import recovered_json
from engine.pictures.recover import recover
from engine.pictures.refusal import PictureRefused


@require_POST
@json_view
def read(request: PersonRequest, pid: str) -> HttpResponseBase:
    """Nothing is kept of the file."""
    project = get_project_for(request.user, pid)
    try:
        found = recover(sent_picture(request).data)
    except PictureRefused as refusal:
        raise refused("not_a_picture", str(refusal)) from None
    return JsonResponse(recovered_json(found, usable_models(request.user, project, Modality.IMAGE)))


@require_POST
@json_view
def mask(request: PersonRequest, pid: str) -> HttpResponseBase:
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    artifact = upload_mask(actor=request.user, project=project, **sent_picture(request)._asdict())
    return JsonResponse(artifact_json(artifact), status=201)


@require_POST
@login_required
def download(request: PersonRequest, pid: str) -> HttpResponseBase:
    """A form's answer is a file; where that can't be, the studio again with a sentence."""
    project = get_project_for(request.user, pid)
    metadata = request.POST.get("metadata", "")
    try:
        pictures = pictures_in(project, ids_in(request.POST.getlist("pictures")))
        pieces = download_pictures(actor=request.user, project=project, pictures=pictures, metadata=metadata)
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("studio", project.pk)
    answer = StreamingHttpResponse(while_sent(pieces), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="pictures-{len(pictures)}.zip"'
    answer["Cache-Control"] = "no-store"
    return answer
