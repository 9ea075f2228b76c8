"""The way in for programs: a token, JSON in, JSON out, and refusals as OpenAI's clients know them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apps.api.access import ApiRequest, token_of
from apps.api.odd import ODD, is_odd
from apps.api.reading import reading
from apps.api.refusing import READABLE, as_refusal, refused, wrong
from apps.audit.middleware import SENTENCE
from apps.audit.record import AuditUnavailable
from apps.audit.refusals import record_refusal
from apps.generations.errors import Refused
from apps.lib.database import in_thread

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
Asked = TypeVar("Asked")
logger = logging.getLogger(__name__)


def api_view(method: str) -> Callable[[View], View]:
    """The view gets an ApiRequest, and what the address names. No cookie lets anybody in here, so there is
    nothing that a page of somebody else could make a browser do (CSRF).

    The database is asked from threads of its own: one that waits for an answer must not keep a connection."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        async def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return await _answered(view, method, request, *args, **kwargs)
            except Refused as refusal:
                return await _refused(request, refusal)
            except AuditUnavailable as unavailable:
                return await _refused(request, _unavailable(unavailable))

        return wrapped

    return decorate


async def _refused(request: HttpRequest, refusal: Refused) -> HttpResponseBase:
    try:
        if refusal.status == 403:
            await in_thread(record_refusal, request, refusal.message, code=refusal.code)
    except AuditUnavailable as unavailable:
        refusal = _unavailable(unavailable)
    return refused(refusal)


def _unavailable(error: AuditUnavailable) -> Refused:
    logger.error("%s", error, exc_info=error)
    return Refused(status=503, code="audit_unavailable", message=SENTENCE)


async def _answered(view: View, method: str, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Everything that a view refuses as Refused."""
    try:
        if request.method != method:
            raise Refused(status=405, code="method", message=f"Ask for this address by {method}.", allow=method)
        known = cast(ApiRequest, request)
        known.token = await in_thread(token_of, request)
        if method == "POST":
            known.token.reader = await reading().begin()
        return await view(known, *args, **kwargs)
    except ValidationError as invalid:
        raise as_refusal(invalid) from invalid
    except Http404 as missing:
        raise Refused(status=404, code="not_found", message=str(missing)) from missing
    except PermissionDenied as denied:
        raise Refused(status=403, code="forbidden", message=str(denied)) from denied


async def asked_of(request: HttpRequest, read: Callable[[dict[str, Any]], Asked]) -> Asked:
    """What the JSON that was sent asks for. It may be large, with pictures in it; what is too much for the site was
    ended before. Raises Refused."""
    return await asyncio.to_thread(lambda: read(parsed(request.read())))


def parsed(sent: bytes) -> dict[str, Any]:
    try:
        data = json.loads(sent.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(status=400, code="not_json", message="The request was not JSON.") from None
    if not isinstance(data, dict):
        raise Refused(status=400, code="not_json", message="The request must be a JSON object.")
    if is_odd(list(data)):  # which can't be named in an answer either
        raise Refused(status=400, code="invalid", message=ODD)
    for name, value in data.items():
        if is_odd(value):
            raise wrong(name, ODD)
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def answer(data: dict[str, Any], *job_ids: str) -> JsonResponse:
    """With the ids of the jobs whose receipts tell how it was made."""
    response = JsonResponse(data, json_dumps_params=READABLE)
    response["Cache-Control"] = "no-store"
    if job_ids:
        response["X-Atrium-Job"] = ", ".join(job_ids)
    return response
