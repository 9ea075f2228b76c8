"""Prompts in a conversation: filled in for the composer, and saved from a message."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.conversations.models import Conversation
from apps.prompts.actions import create_prompt
from apps.prompts.models import Audience, Prompt, PromptRun
from apps.prompts.templating import render
from tests.conversations.build import answered, asked, post
from tests.world import World

PLACE = {"name": "place", "type": "string"}


def make(world: World, person: str, visibility: int = Audience.PRIVATE) -> Prompt:
    content = {"title": "Places", "user": "See {{ place }}.", "system": "You know {{ place }}.", "variables": [PLACE]}
    return create_prompt(actor=world.person(person), content=content, visibility=visibility)


def insert(client: Client, conversation: Conversation, prompt: Prompt, **values: Any) -> Any:
    data = {"prompt": prompt.pk, "revision": 1, "values": values}
    return post(client, f"/c/{conversation.pk}/prompt/", data)


def test_a_prompt_is_filled_in_and_counts_once_it_is_sent(
    world: World, editor: Client, conversation: Conversation
) -> None:
    prompt = make(world, "stranger", Audience.MEMBERS)
    answer = insert(editor, conversation, prompt, place="{{ place }}")
    texts = {"system": "You know {{ place }}.", "user": "See {{ place }}."}
    assert answer.json() == texts | {"revision": prompt.head_id}
    assert not PromptRun.objects.exists()


def test_a_missing_value_is_named(world: World, editor: Client, conversation: Conversation) -> None:
    answer = insert(editor, conversation, make(world, "editor"))
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "place"
    assert not PromptRun.objects.exists()


def test_somebody_else_s_private_prompt_is_not_there(world: World, editor: Client, conversation: Conversation) -> None:
    assert insert(editor, conversation, make(world, "stranger"), place="Rome").status_code == 404


@pytest.mark.parametrize("data", [{}, {"prompt": 7}, {"prompt": "x" * 16, "revision": []}, {"prompt": "\x00"}])
def test_nonsense_is_refused(editor: Client, conversation: Conversation, data: dict[str, Any]) -> None:
    assert post(editor, f"/c/{conversation.pk}/prompt/", data).status_code in (404, 422)


def save(client: Client, conversation: Conversation, text: str, **data: Any) -> Any:
    message = answered(asked(conversation, "Write a prompt."), text)
    return post(client, f"/c/{conversation.pk}/messages/{message.pk}/prompt/", {"title": "Saved", **data})


@pytest.mark.parametrize("text", ["Plain.", "{{ not_a_variable }}", r"\{{ escaped }} {{{{", "}} {{"])
def test_a_message_is_saved_as_it_stands(world: World, editor: Client, conversation: Conversation, text: str) -> None:
    answer = save(editor, conversation, text)
    assert answer.status_code == 201, answer.content
    prompt = Prompt.objects.get()
    assert answer.json() == {"title": "Saved", "url": f"/prompts/{prompt.pk}/"}
    assert prompt.head
    assert render(prompt.head.user, {}) == text
    assert (prompt.visibility, prompt.project, prompt.author) == (Audience.PRIVATE, None, world.editor)


def test_for_the_project_one_must_be_an_editor(world: World, editor: Client, conversation: Conversation) -> None:
    assert save(editor, conversation, "Text", for_project=True).status_code == 201
    prompt = Prompt.objects.get()
    assert (prompt.visibility, prompt.project) == (Audience.PROJECT, world.project)
    viewer = Client()
    viewer.force_login(world.viewer)
    assert save(viewer, conversation, "Text", for_project=True).status_code == 403
    assert save(viewer, conversation, "Text").status_code == 201


def test_a_prompt_needs_a_name(editor: Client, conversation: Conversation) -> None:
    answer = save(editor, conversation, "Text", title=" ")
    assert answer.status_code == 422
    assert not Prompt.objects.exists()
