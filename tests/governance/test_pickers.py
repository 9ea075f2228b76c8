"""The models to choose from: marked where somebody may not use them, with the reason and a way on."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.catalog.models import HostedModel
from apps.governance.access import usable_model
from apps.governance.actions.requests import request_access
from apps.governance.models import AccessRequest, Grant, Subject
from apps.governance.pickers import picks
from tests.conversations.build import listed_model, make_conversation
from tests.prompts.build import write
from tests.world import World


@pytest.fixture
def models(world: World) -> tuple[HostedModel, HostedModel]:
    """Mira is granted to everyone, Nova to nobody."""
    mira, nova = listed_model("mira"), listed_model("nova")
    Grant.objects.filter(hosted_model=nova).delete()
    Grant.objects.get_or_create(subject_type=Subject.EVERYONE, hosted_model=mira)
    return mira, nova


@pytest.fixture
def editor(world: World, client: Client) -> Client:
    client.force_login(world.editor)
    return client


def test_of_one_model_no_other_is_asked_about(world: World, models: tuple[HostedModel, HostedModel]) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert usable_model(world.editor, world.project, "mira") == models[0]
    assert not [query["sql"] for query in queries if "nova" in query["sql"]]
    assert usable_model(world.editor, world.project, "nova") is None
    assert usable_model(world.editor, world.project, "nobody") is None


def state_of(page: str) -> dict:
    found = re.search(r'<script id="state" type="application/json">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_a_conversation_marks_what_is_not_for_somebody(
    world: World, models: tuple[HostedModel, HostedModel], editor: Client
) -> None:
    conversation = make_conversation(world.project, world.owner, models[0], "Tides")
    page = editor.get(f"/c/{conversation.pk}/").content.decode()
    mira, nova = state_of(page)["models"]
    assert (mira["allowed"], mira["reason"], mira["remedy"], mira["waiting"]) == (True, "", None, False)
    assert (nova["allowed"], nova["waiting"]) == (False, False)
    assert nova["reason"].startswith("You have no access to Nova in Lighthouse.")
    url = f"/models/nova/access/?project={world.project.pk}"
    assert nova["remedy"] == {"url": url, "label": "Ask for access", "asks": True}
    again = editor.get(f"/c/{conversation.pk}/models/").json()["models"]
    assert again == [mira, nova]


def test_asked_in_place_it_waits(world: World, models: tuple[HostedModel, HostedModel], editor: Client) -> None:
    url, json_please = f"/models/nova/access/?project={world.project.pk}", {"Accept": "application/json"}
    long = editor.post(url, {"reason": "x" * 501}, headers=json_please)
    assert (long.status_code, long.json()["error"]["field"]) == (422, "reason")
    for sentence in ("You have asked for Nova.", "You have asked for Nova already"):
        assert editor.post(url, {"reason": "For the tides."}, headers=json_please).json()["text"].startswith(sentence)
    assert AccessRequest.objects.get().project == world.project
    assert [pick["waiting"] for _, pick in picks(world.editor, world.project)] == [False, True]


def test_nobody_has_to_say_what_for(world: World, models: tuple[HostedModel, HostedModel], editor: Client) -> None:
    assert editor.post("/models/nova/access/", headers={"Accept": "application/json"}).status_code == 200
    assert AccessRequest.objects.get().reason == ""


def test_a_prompt_s_run_marks_them_too(world: World, models: tuple[HostedModel, HostedModel], editor: Client) -> None:
    found = editor.get(f"/prompts/models.json?project={world.project.pk}").json()["models"]
    assert [each["allowed"] for each in found] == [True, False]
    assert found[1]["remedy"]["asks"]
    page = editor.get(f"/prompts/{write(world.owner).pk}/").content.decode()
    assert "You have no access to Nova" in page


def test_many_models_take_as_many_queries_as_two(world: World, models: tuple[HostedModel, HostedModel]) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            picks(world.editor, world.project)
        return len(queries)

    few = count()
    for number in range(20):
        model = listed_model(f"more-{number}")
        Grant.objects.filter(hosted_model=model).delete()
        request_access(actor=world.editor, model=model)
    assert count() == few
