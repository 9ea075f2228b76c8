"""Refusals in OpenAI's form, `{"error": {"message", "type", "param", "code"}}`, which clients raise as their errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ValidationError
from django.http import JsonResponse

from apps.generations.errors import Refused
from apps.generations.json_views import first_wrong

Object = dict[str, Any]
STATUSES: Mapping[int, int] = MappingProxyType({413: 400, 422: 400, 507: 500})
"""As OpenAI says it: what is wrong with a request is 400 there."""
CODES: Mapping[str, str] = MappingProxyType(dict.fromkeys(("context_overflow", "too_long"), "context_length_exceeded"))
READABLE = {"ensure_ascii": False}
"""On a terminal too."""
FINAL = frozenset({"quota_exceeded"})
"""Too many, but not for a moment."""
PASSING = frozenset({503})


def wrong(param: str, message: str) -> Refused:
    """For a parameter of a request."""
    return Refused(status=400, code="invalid", message=message, field=param)


def unknown(param: str, known: Iterable[str]) -> Refused:
    return wrong(param, f"There is no parameter “{param[:64]}” here. Known: {', '.join(known)}.")


def refused(refusal: Refused) -> JsonResponse:
    status = STATUSES.get(refusal.status, refusal.status)
    headers = {"Cache-Control": "no-store"}
    response = JsonResponse(error_of(refusal), status=status, headers=headers, json_dumps_params=READABLE)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if method := refusal.details.get("allow"):
        response["Allow"] = method
    if seconds := refusal.details.get("starts_in"):
        response["Retry-After"] = str(seconds)
    if refusal.code in FINAL or (status >= 500 and status not in PASSING):
        response["X-Should-Retry"] = "false"  # clients would ask again at once
    return response


def error_of(refusal: Refused) -> Object:
    """As JSON, also in the middle of a stream."""
    status, param = STATUSES.get(refusal.status, refusal.status), refusal.details.get("field")
    return {
        "error": {
            "message": _sendable(refusal.message),
            "type": TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
            "param": param and _sendable(param),
            "code": CODES.get(refusal.code, refusal.code),
        }
    }


TYPES: Mapping[int, str] = MappingProxyType(
    {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
)


def _sendable(text: str) -> str:
    """Half a character, which a program may have sent as a name, by its number."""
    return text.encode(errors="backslashreplace").decode()


def as_refusal(invalid: ValidationError) -> Refused:
    field, message = first_wrong(invalid)
    return wrong(NAMES.get(field, field), message) if field else Refused(status=400, code="invalid", message=message)


NAMES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("json_schema", "regex", "output_format"), "response_format")
    | dict.fromkeys(("width", "height"), "size")
    | {"count": "n", "source": "image"}
)
