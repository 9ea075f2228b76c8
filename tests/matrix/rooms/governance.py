"""The rows of `apps/governance`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from apps.catalog.models import HostedModel
from apps.governance.models import AccessRequest
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

access_requests                      GET     login 200  200   200  200   200
access_withdraw                      POST    login 404  404   302  404   404
access_request                       GET     login 200  200   200  200   200
access_request                       POST    login 302  302   302  302   302
model_licence                        GET     login 200  200   200  200   200
model_licence                        POST    login 302  302   302  302   302
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("access_request", "POST"): {"reason": "For the tides."},
}
JSON: dict[tuple[str, str], dict[str, Any]] = {}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address; the request is the editor's."""
    model = HostedModel.objects.first()
    assert model is not None
    asked = AccessRequest.objects.create(user=world.editor, hosted_model=model)
    about = {"model_id": model.pk}
    return {"access_withdraw": {"request_id": asked.pk}, "access_request": about, "model_licence": about}
