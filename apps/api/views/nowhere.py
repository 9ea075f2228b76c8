"""Every other address below /v1: programs get an answer that they can read."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apps.api.refusing import refused
from apps.generations.errors import Refused

OFFERED = (
    "GET /v1/models", "POST /v1/chat/completions", "POST /v1/responses", "POST /v1/images/generations",
    "POST /v1/images/edits",
)  # fmt: skip


@csrf_exempt
def nowhere(request: HttpRequest, rest: str) -> JsonResponse:
    message = f"There is nothing at /v1{rest[:80]} here. This site offers {', '.join(OFFERED)}."
    return refused(Refused(status=404, code="not_found", message=message))
