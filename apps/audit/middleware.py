"""What happens when a view refuses somebody, or when the audit log can't be written."""

from __future__ import annotations

import logging

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from apps.audit.record import AuditUnavailable
from apps.audit.refusals import record_refusal

logger = logging.getLogger(__name__)
SENTENCE = "Nothing was changed, because the audit log can't be written just now. Try again in a minute."


class Refusals(MiddlewareMixin):
    """Runs once the view and its transactions have ended with an exception."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, PermissionDenied):
            try:
                record_refusal(request, str(exception))
            except AuditUnavailable as unavailable:
                exception = unavailable
        if isinstance(exception, AuditUnavailable):
            logger.error("%s", exception, exc_info=exception)
            return unavailable_page(request)
        return None


def unavailable_page(request: HttpRequest) -> HttpResponse:
    """503 in the form that the client asked in."""
    if "application/json" in (request.content_type, request.headers.get("Accept", "").partition(",")[0]):
        error = {"code": "audit_unavailable", "message": SENTENCE}
        response: HttpResponse = JsonResponse({"error": error}, status=503)
    else:
        response = render(request, "audit/unavailable.html", {"reason": SENTENCE}, status=503)
    response["Retry-After"] = "30"
    return response
