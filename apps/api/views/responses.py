"""POST /v1/responses."""

from __future__ import annotations

from django.http import HttpResponseBase

from apps.api.access import ApiRequest
from apps.api.asking import ask
from apps.api.following import ended, taken_on
from apps.api.responses_answer import ResponseEvents, response
from apps.api.responses_request import named_as_here, read_responses_request
from apps.api.views.door import answer, api_view, asked_of
from apps.api.views.streaming import streamed


@api_view("POST")
async def responses(request: ApiRequest) -> HttpResponseBase:
    asked = await asked_of(request, read_responses_request)
    with named_as_here():
        (job,) = await taken_on(
            request.user, lambda: [ask(request.token, asked.chat)], slowly=asked.chat.shows_pictures
        )
        if asked.chat.streams:
            return await streamed(job, request, ResponseEvents(job, asked))
        return answer(response(await ended(job, request), asked), job.pk)
