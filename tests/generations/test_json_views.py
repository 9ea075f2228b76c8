"""Whatever a JSON view raises becomes a status and a sentence; only searches are cut instead of refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404, HttpResponseBase, JsonResponse, QueryDict
from django.test import RequestFactory

from apps.audit.models import AuditEvent
from apps.generations.errors import Refused
from apps.generations.json_views import PersonRequest, body_of, json_view, open_json_view
from apps.lib.http import MAX_SEARCH_CHARS, search_text
from apps.moderation.limits import TooMany
from tests.world import World


def answer(user: Any, view: Any, body: str = "{}") -> tuple[int, dict[str, Any]]:
    request = RequestFactory().post("/somewhere/", body, content_type="application/json")
    request.user, request.resolver_match = user, None
    response = view(request)
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (
            Refused(status=409, code="busy", message="Wait.", over=3),
            409,
            {"code": "busy", "message": "Wait.", "over": 3},
        ),
        (ValidationError({"title": "Too long.", "user": "Empty."}), 422, {"code": "invalid", "field": "title"}),
        (ValidationError("Write something."), 422, {"code": "invalid", "message": "Write something."}),
        (TooMany("That is the limit.", 60), 429, {"code": "too_many", "message": "That is the limit."}),
        (RequestDataTooBig("x"), 413, {"code": "too_long"}),
        (Http404("There is no such prompt."), 404, {"code": "not_found", "message": "There is no such prompt."}),
        (PermissionDenied("Not yours."), 403, {"code": "forbidden", "message": "Not yours."}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_refusal_has_its_status_and_sentence(world: World, raised: Exception, status: int, said: Any) -> None:
    @json_view
    def view(_: PersonRequest) -> HttpResponseBase:
        raise raised

    found, data = answer(world.editor, view)
    assert found == status
    assert said.items() <= data["error"].items()
    assert AuditEvent.objects.filter(action="access.denied").exists() == (status == 403)


def test_only_open_views_answer_who_is_signed_out(world: World) -> None:
    def view(_: PersonRequest) -> HttpResponseBase:
        return JsonResponse({})

    assert answer(AnonymousUser(), open_json_view(view))[0] == 200
    assert answer(AnonymousUser(), json_view(view))[0] == 401
    assert answer(world.editor, json_view(view))[0] == 200


@pytest.mark.parametrize("body", ["", "{", "[1]", "[" * 100_000, "\x00"])
def test_what_is_no_object_is_refused(world: World, body: str) -> None:
    @json_view
    def view(request: PersonRequest) -> HttpResponseBase:
        return JsonResponse(body_of(request))

    assert answer(world.editor, view, body)[0] == 400


def test_what_is_searched_for_is_cut_and_never_refused() -> None:
    asked = QueryDict("", mutable=True)
    asked["q"] = f"  a\x00b {'x' * 1_000}"
    assert search_text(asked) == f"ab {'x' * 1_000}"[:MAX_SEARCH_CHARS]
    assert search_text(asked, "tag") == ""
