"""JSON in, JSON out, and every refusal as `{"error": {"code", "message", …}}` with the right status.

For this room and those above it: what asks for a generation can be refused in the words of `Refused`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from apps.accounts.models import User
from apps.audit.refusals import record_refusal
from apps.generations.errors import Refused
from apps.moderation.limits import TooMany

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
        return view(request, *args, **kwargs)

    return open_json_view(wrapped)


def open_json_view(view: View) -> View:
    """As `json_view`, for signed-out people too: access decides what they get."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            if refusal.status == 403:
                record_refusal(request, refusal.message, code=refusal.code)
            return error_response(refusal.status, refusal.code, refusal.message, **refusal.details)
        except ValidationError as invalid:
            return _invalid_response(invalid)
        except TooMany as limit:
            return error_response(429, "too_many", str(limit))
        except RequestDataTooBig:
            return error_response(413, "too_long", "That is too much to send at once.")
        except Http404 as missing:
            return error_response(404, "not_found", str(missing) or "There is no such thing for you.")
        except PermissionDenied as denied:
            record_refusal(request, str(denied))
            return error_response(403, "forbidden", str(denied) or "Your role in this project does not allow that.")

    return wrapped


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks, and not a form."""
    return request.content_type == "application/json" or (
        request.accepts("application/json") and not request.accepts("text/html")
    )


def asks_for_page(request: HttpRequest) -> bool:
    """Whether a browser is to show the answer; what says nothing, or takes anything, is a script."""
    return "text/html" in request.headers.get("Accept", "")


def error_response(status: int, code: str, message: str, **more: Any) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, **more}}, status=status)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refused(status=400, code="not_json", message="The request was not JSON.") from None
    if not isinstance(data, dict):
        raise Refused(status=400, code="not_json", message="The request must be a JSON object.")
    return data


def first_wrong(invalid: ValidationError) -> tuple[str, str]:
    """The first of the wrong fields with its sentence; "" where it isn't about a field."""
    if hasattr(invalid, "error_dict"):
        field, messages = next(iter(invalid.message_dict.items()))
        return field, messages[0]
    return "", invalid.messages[0]


def _invalid_response(invalid: ValidationError) -> JsonResponse:
    field, message = first_wrong(invalid)
    return error_response(422, "invalid", message, **({"field": field} if field else {}))
