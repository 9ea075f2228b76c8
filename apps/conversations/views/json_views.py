"""JSON in, JSON out, and every refusal as `{"error": {"code", "message", …}}` with the right status."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from apps.accounts.models import User
from apps.audit.refusals import record_refusal
from apps.conversations.inputs import refused
from apps.generations.errors import Refused

View = Callable[..., HttpResponseBase]


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User


def json_view(view: View) -> View:
    """Needs a signed-in person; turns what `view` raises into JSON."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return error_response(401, "signed_out", "You are signed out. Sign in again; your text stays here.")
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            if refusal.status == 403:
                record_refusal(request, refusal.message, code=refusal.code)
            return refusal_response(refusal)
        except ValidationError as invalid:
            return _invalid_response(invalid)
        except RequestDataTooBig:
            return error_response(413, "too_long", "That is too much to send at once.")
        except Http404:
            return error_response(404, "not_found", "There is no such conversation or message for you.")
        except PermissionDenied as denied:
            record_refusal(request, str(denied))
            return error_response(403, "forbidden", str(denied) or "Your role in this project does not allow that.")

    return wrapped


def error_response(status: int, code: str, message: str, **more: Any) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, **more}}, status=status)


def refusal_response(refusal: Refused) -> JsonResponse:
    return error_response(refusal.status, refusal.code, refusal.message, **refusal.details)


def _invalid_response(invalid: ValidationError) -> JsonResponse:
    """The first of the wrong fields with its sentence."""
    if hasattr(invalid, "error_dict"):
        field, messages = next(iter(invalid.message_dict.items()))
        return error_response(422, "invalid", messages[0], field=field)
    return error_response(422, "invalid", invalid.messages[0])


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        raise refused("not_json", "The request was not JSON.", status=400) from None
    if not isinstance(data, dict):
        raise refused("not_json", "The request must be a JSON object.", status=400)
    return data
