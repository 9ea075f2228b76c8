"""GET /v1/models: what a token may use, as governance decides it now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponseBase

from apps.api.access import ApiRequest
from apps.api.models import ApiToken
from apps.api.views.door import answer, api_view
from apps.catalog.models import HostedModel, Modality
from apps.generations.image_params import kept_facts
from apps.governance.access import usable_model, usable_models
from apps.lib.database import in_thread


@api_view("GET")
async def models(request: ApiRequest) -> HttpResponseBase:
    found = await in_thread(_usable, request.token)
    return answer({"object": "list", "data": found})


@api_view("GET")
async def model(request: ApiRequest, name: str) -> HttpResponseBase:
    found = await in_thread(usable_model, request.token.user, request.token.project, name)
    if found is None:
        raise Http404(f"There is no model “{name[:80]}” that this token may use.")
    return answer(_json(found))


def _usable(token: ApiToken) -> list[dict[str, Any]]:
    """Those that write and those that draw; a model that does both stands there once."""
    both = [each for makes in Modality for each in usable_models(token.user, token.project, makes)]
    return [_json(each) for each in {each.pk: each for each in both}.values()]


def _json(model: HostedModel) -> dict[str, Any]:
    version = model.default_version
    assert version is not None, "only such models are usable"
    makes = ["text"] * model.writes + ["image"] * (model.modality == Modality.IMAGE)
    return {
        "id": model.pk,
        "object": "model",
        "created": int(version.installed_at.timestamp()),
        "owned_by": settings.SITE_NAME,
        "name": model.name,
        "makes": makes,
        "reads_pictures": model.sees,
        "changes_pictures": "image" in makes and kept_facts(version.image_facts).takes_source,
        "context_length": version.reads,
        "licence": version.license_id,
    }
