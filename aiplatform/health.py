"""/healthz: this process answers. /readyz: so do those it depends on."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.catalog.models import HostedModel
from apps.generations.presence import alive_workers
from apps.lib.redis import AWAY, sync_client


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process serves; for whoever restarts it."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """For whoever sends people here.

    503 without database or Redis: nobody could sign in or follow a completion. A model without a worker is only
    `degraded`, with 200: prompts are taken and wait, and everything else works.
    """
    database, redis = _database(), _redis()
    models = _workers_by_model() if database["ok"] else {}
    status = "ok" if all(models.values()) else "degraded"
    if not (database["ok"] and redis["ok"]):
        status = "unavailable"
    body = {"status": status, "database": database, "redis": redis, "workers": models}
    return JsonResponse(body, status=503 if status == "unavailable" else 200)


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return {"ok": False, "error": _in_short(error)}
    return {"ok": True}


def _redis() -> dict[str, Any]:
    try:
        sync_client().ping()
    except AWAY as error:
        return {"ok": False, "error": _in_short(error)}
    return {"ok": True}


def _in_short(error: Exception) -> str:
    """The kind of failure only: its text may name hosts and people."""
    return type(error).__name__


def _workers_by_model() -> dict[str, int]:
    """How many live workers take jobs for each model that people can choose."""
    serves = list(alive_workers().values_list("serves", flat=True))
    models = HostedModel.objects.available().values_list("pk", flat=True)
    return {model: sum(model in served for served in serves) for model in models}
