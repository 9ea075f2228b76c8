"""POST /v1/images/generations and /v1/images/edits."""

from __future__ import annotations

import asyncio
import base64
import time

from django.http import HttpResponseBase

from apps.api.access import ApiRequest
from apps.api.asking import draw, edit
from apps.api.chat_answer import refuse_unanswered
from apps.api.edit_request import read_edit_request
from apps.api.following import ended, taken_on
from apps.api.image_request import ImagesRequest, read_images_request
from apps.api.multipart import read_form
from apps.api.views.door import answer, api_view, asked_of
from apps.generations.artifact_files import download_of
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.lib.database import in_slow_thread

GONE = "A picture of this request was deleted before it could be sent."


@api_view("POST")
async def generations(request: ApiRequest) -> HttpResponseBase:
    """All of them, or the reason why one couldn't be drawn: then the others are stopped."""
    asked = await asked_of(request, read_images_request)
    return await _sent_all(await taken_on(request.user, lambda: draw(request.token, asked)), asked, request)


@api_view("POST")
async def edits(request: ApiRequest) -> HttpResponseBase:
    """As `generations`, of a form with a picture to begin with."""
    wanted = await asyncio.to_thread(lambda: read_edit_request(read_form(request)))
    jobs = await taken_on(request.user, lambda: edit(request.token, wanted), slowly=True)
    return await _sent_all(jobs, wanted.pictures, request)


async def _sent_all(jobs: list[GenerationJob], asked: ImagesRequest, request: ApiRequest) -> HttpResponseBase:
    drawn = await _all_drawn(jobs, request)
    data = [{"b64_json": await in_slow_thread(_sent, job, asked), "seed": job.params["seed"]} for job in drawn]
    return answer({"created": int(time.time()), "data": data}, *(job.pk for job in jobs))


async def _all_drawn(jobs: list[GenerationJob], request: ApiRequest) -> list[GenerationJob]:
    reasons: tuple[Exception, ...] = ()
    try:
        async with asyncio.TaskGroup() as waiting:
            tasks = [waiting.create_task(_drawn(job, request)) for job in jobs]
    except* Refused as refused:
        reasons = refused.exceptions
    for reason in reasons:  # one says why; a group of them would be no answer
        raise reason
    return [task.result() for task in tasks]


async def _drawn(job: GenerationJob, request: ApiRequest) -> GenerationJob:
    finished = await ended(job, request)
    refuse_unanswered(finished)
    return finished


def _sent(job: GenerationJob, asked: ImagesRequest) -> str:
    artifact = getattr(job, "artifact", None)
    if artifact is None or artifact.deleted_at:
        raise Refused(status=404, code="not_found", message=GONE)
    return base64.b64encode(download_of(artifact, asked.kind, asked.tells)).decode()
