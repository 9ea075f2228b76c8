"""One branch of a conversation as a file: Markdown or JSON, for whoever may read it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ReasoningPolicy
from apps.conversations.models import Conversation, Message
from apps.generations.models import GenerationJob
from tests.conversations.build import answered, asked
from tests.conversations.conftest import ClientOf

TITLE = 'Tides: "ebb" & flöde'


@pytest.fixture
def path(conversation: Conversation) -> list[Message]:
    Conversation.objects.filter(pk=conversation.pk).update(title=TITLE, system_prompt="Be brief.")
    question = asked(conversation, "When is *high* tide?")
    first = answered(question, "At noon.")
    GenerationJob.objects.filter(message=first).update(reasoning="The moon\n\npulls.")
    return [question, first, answered(question, "At ```six```.")]


def read(response: Any) -> str:
    async def whole() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return async_to_sync(whole)().decode()


def fetch(client: Client, conversation: Conversation, form: str, leaf: str = "") -> tuple[Any, str]:
    response = client.get(f"/c/{conversation.pk}/export/{form}/", {"leaf": leaf})
    assert response.status_code == 200
    return response, read(response)


def test_markdown_tells_who_said_what(client_of: ClientOf, conversation: Conversation, path: list[Message]) -> None:
    response, text = fetch(client_of("viewer"), conversation, "md", path[1].pk)
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert "tides-ebb-fl%C3%B6de.md" in response["Content-Disposition"]
    assert response["Cache-Control"] == "no-store"
    order = [f"# {TITLE}", "Be brief.", f"## {path[0].user}", "When is *high* tide?", "## Listed"]
    order += ["<details>", "The moon\n\npulls.", "</details>", "At noon."]
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert "six" not in text


def test_json_has_the_branch_that_was_chosen(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    response, text = fetch(editor, conversation, "json", path[2].pk)
    assert response["Content-Type"] == "application/json"
    told = json.loads(text)
    assert (told["title"], told["model"], told["system_prompt"]) == (TITLE, "listed", "Be brief.")
    assert [(each["role"], each["text"]) for each in told["messages"]] == [
        ("user", "When is *high* tide?"),
        ("assistant", "At ```six```."),
    ]
    assert told["messages"][0]["person"] == str(path[0].user)
    assert (told["messages"][1]["model"], told["messages"][1]["state"]) == ("listed", "succeeded")


def test_thoughts_that_are_hidden_stay_so(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    HostedModel.objects.update(reasoning=ReasoningPolicy.HIDDEN)
    for form in ("md", "json"):
        assert "pulls" not in fetch(editor, conversation, form, path[1].pk)[1]


def test_a_long_one_comes_in_pieces(editor: Client, conversation: Conversation) -> None:
    last = None
    for number in range(120):
        last = asked(conversation, f"Number {number}.", last)
    response = editor.get(f"/c/{conversation.pk}/export/json/")
    assert response.streaming
    assert len(json.loads(read(response))["messages"]) == 120


def test_it_is_recorded_without_its_words(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    fetch(editor, conversation, "json")
    event = AuditEvent.objects.get(action="conversation.exported")
    assert (event.target_id, event.details) == (conversation.pk, {"form": "json", "messages": 2})


def test_other_forms_and_the_bin_are_not_there(editor: Client, conversation: Conversation) -> None:
    assert editor.get(f"/c/{conversation.pk}/export/pdf/").status_code == 404
    assert read(editor.get(f"/c/{conversation.pk}/export/md/")).startswith("# New conversation")


def test_readers_have_the_menu(client_of: ClientOf, conversation: Conversation) -> None:
    page = client_of("viewer").get(f"/c/{conversation.pk}/").content.decode()
    assert f'href="/c/{conversation.pk}/export/md/"' in page
