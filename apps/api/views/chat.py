"""POST /v1/chat/completions."""

from __future__ import annotations

from django.http import HttpResponseBase

from apps.api.access import ApiRequest
from apps.api.asking import ask
from apps.api.chat_answer import Chunks, completion
from apps.api.chat_request import read_chat_request
from apps.api.following import ended, taken_on
from apps.api.views.door import answer, api_view, asked_of
from apps.api.views.streaming import streamed


@api_view("POST")
async def completions(request: ApiRequest) -> HttpResponseBase:
    asked = await asked_of(request, read_chat_request)
    (job,) = await taken_on(request.user, lambda: [ask(request.token, asked)], slowly=asked.shows_pictures)
    if asked.streams:
        return await streamed(job, request, Chunks(job, asked))
    return answer(completion(await ended(job, request), asked), job.pk)
