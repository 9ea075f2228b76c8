"""Writing down that a view refused somebody."""

from __future__ import annotations

from django.http import HttpRequest

from apps.audit.models import AuditEvent
from apps.audit.record import Target, record_denied
from apps.lib.ids import ID_LENGTH


def record_refusal(request: HttpRequest, reason: str, *, code: str = "") -> AuditEvent:
    """For a view that turns a refusal into an answer of its own, once its transactions have ended.

    Where a PermissionDenied leaves the view, the middleware calls this. Only the name of the route and the ids in the
    address are kept: the rest of an address may hold a token.
    """
    match, user = request.resolver_match, getattr(request, "user", None)
    ids = {name: str(value) for name, value in match.kwargs.items() if len(str(value)) <= ID_LENGTH} if match else {}
    return record_denied(
        "access.denied",
        actor=user if user and user.is_authenticated else None,
        target=Target("page", (match.url_name or "") if match else ""),
        project_id=ids.get("pid", ""),
        reason=reason,
        method=request.method,
        code=code or None,
        ids=ids or None,
    )
