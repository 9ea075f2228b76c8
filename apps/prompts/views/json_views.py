"""JSON in, JSON out, and every refusal as `{"error": {"code", "message", …}}` with the right status."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.audit.refusals import record_refusal
from apps.generations.errors import Refused

View = Callable[..., HttpResponseBase]


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User


def json_view(view: View) -> View:
    """Turns what `view` raises into JSON. Signed-out people get through: access decides."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            if refusal.status == 403:
                record_refusal(request, refusal.message, code=refusal.code)
            return error(refusal.status, refusal.code, refusal.message, **refusal.details)
        except ValidationError as invalid:
            return error(422, "invalid", invalid.messages[0], fields=_fields(invalid))
        except NotAllowed as refusal:
            return error(429, "too_many", str(refusal))
        except RequestDataTooBig:
            return error(413, "too_long", "That is too much to send at once.")
        except Http404:
            return error(404, "not_found", "There is no such prompt for you.")
        except PermissionDenied as denied:
            record_refusal(request, str(denied))
            return error(403, "forbidden", str(denied))

    return wrapped


def signed_in(view: View) -> View:
    """401 as JSON for everybody else."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return error(401, "signed_out", "You are signed out. Sign in again; what you typed stays here.")
        return view(request, *args, **kwargs)

    return wrapped


def error(status: int, code: str, message: str, **more: Any) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, **more}}, status=status)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent. Raises ValidationError."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise ValidationError("The request must be a JSON object.")
    return data


def _fields(invalid: ValidationError) -> dict[str, str]:
    if not hasattr(invalid, "error_dict"):
        return {}
    return {name: messages[0] for name, messages in invalid.message_dict.items()}
