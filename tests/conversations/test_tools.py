"""Tools of a conversation: set, refused at their field, counted, told in a person's export, and left out of prompts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client

from apps.catalog.models import HostedModel
from apps.catalog.store import model_store
from apps.conversations.export import own_messages
from apps.conversations.models import Conversation
from apps.generations.models import GenerationJob
from apps.prompts.content import clean_content
from tests.conversations.build import make_conversation, post, send
from tests.engine.tool_templates import weather
from tests.generations.tool_models import hosted_with_tools
from tests.world import World

TEXT = json.dumps([weather()], indent=4)


@pytest.fixture
def handy(world: World, model: HostedModel, tmp_path: Path) -> Conversation:
    found = hosted_with_tools(model_store().root, tmp_path / "handy")
    return make_conversation(world.project, world.editor, found)


def test_they_are_kept_as_written_counted_and_told_the_model(editor: Client, handy: Conversation, world: World) -> None:
    draft = {"text": "How is it in Paris?", "parent": None}
    before = post(editor, f"/c/{handy.pk}/tokens/", draft).json()["tokens"]
    assert post(editor, f"/c/{handy.pk}/settings/", {"params": {"tools": TEXT}}).status_code == 200
    handy.refresh_from_db()
    assert handy.params == {"tools": TEXT}
    counted = post(editor, f"/c/{handy.pk}/tokens/", draft).json()["tokens"]
    sent = send(editor, handy, "How is it in Paris?").json()["messages"][-1]
    job = GenerationJob.objects.get(pk=sent["job"]["id"])
    assert job.prompt_tokens == counted > before + 50
    assert [each["tools"] for each in own_messages(world.editor)] == [[], ["get_weather"]]


def test_wrong_ones_name_their_field_and_change_nothing(editor: Client, handy: Conversation) -> None:
    post(editor, f"/c/{handy.pk}/settings/", {"params": {"tools": TEXT}})
    refused = post(editor, f"/c/{handy.pk}/settings/", {"params": {"tools": "[{]"}})
    assert refused.status_code == 422
    assert "not JSON" in refused.content.decode()
    handy.refresh_from_db()
    assert handy.params == {"tools": TEXT}


def test_a_model_without_tools_says_so_when_asked_and_when_counted(editor: Client, conversation: Conversation) -> None:
    post(editor, f"/c/{conversation.pk}/settings/", {"params": {"tools": TEXT}})
    for answer in (send(editor, conversation, "Hi"), post(editor, f"/c/{conversation.pk}/tokens/", {"text": "Hi"})):
        assert answer.status_code == 422
        assert "its chat template knows none" in answer.content.decode()


def test_prompts_carry_none() -> None:
    content = clean_content({"title": "A", "user": "B", "params": {"tools": TEXT, "temperature": 0.5}})
    assert content["params"] == {"temperature": 0.5}
