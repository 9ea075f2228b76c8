"""What a model thought: on the page of its conversation, and nowhere that nobody asked for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.catalog.actions import set_reasoning
from apps.catalog.models import HostedModel, ModelVersion, ReasoningPolicy
from apps.conversations.export import own_messages
from apps.conversations.history import chat_messages
from apps.conversations.models import Conversation, Message
from apps.conversations.tree import messages_of
from apps.generations.models import GenerationJob
from tests.conversations.build import answered, asked, post, send
from tests.conversations.test_sharing import link_of, share
from tests.world import World

THOUGHT, ANSWER = "Moon <script>pulls</script> lunar", "The sea moves."
CALLS = [{"name": "get_tide", "arguments": '{"place": "Brest"}', "valid": True}]


@pytest.fixture
def path(conversation: Conversation) -> list[Message]:
    question = asked(conversation, "What is a tide?")
    answer = answered(question, ANSWER)
    GenerationJob.objects.filter(message=answer).update(
        reasoning=THOUGHT, reasoning_tokens=7, reasoning_ms=1200.0, tool_calls=CALLS
    )
    return messages_of([question.pk, answer.pk])


def shown(client: Client, conversation: Conversation) -> Any:
    return client.get(f"/c/{conversation.pk}/messages/").json()["messages"][-1]


def hide(model: HostedModel) -> None:
    set_reasoning(actor=None, model=model, policy=ReasoningPolicy.HIDDEN)


def test_the_page_gets_it_beside_the_answer(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    answer = shown(editor, conversation)
    assert (answer["text"], answer["reasoning"], answer["tool_calls"]) == (ANSWER, THOUGHT, CALLS)
    assert answer["job"]["usage"]["reasoning_tokens"] == 7
    page = editor.get(f"/c/{conversation.pk}/").content.decode()
    assert "lunar" in page
    assert "<script>pulls" not in page


def test_hidden_only_its_time_gets_there(
    editor: Client, conversation: Conversation, model: HostedModel, path: list[Message]
) -> None:
    hide(model)
    answer = shown(editor, conversation)
    assert (answer["text"], answer["reasoning"]) == (ANSWER, "")
    assert answer["job"]["usage"]["reasoning_ms"] == 1200.0
    assert "lunar" not in editor.get(f"/c/{conversation.pk}/").content.decode()


def test_it_is_not_fed_back(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    assert chat_messages("", path)[-1] == {"role": "assistant", "content": ANSWER}
    sent = send(editor, conversation, "And now?", parent=path[-1].pk)
    assert sent.status_code == 201, sent.content
    job = GenerationJob.objects.get(pk=sent.json()["messages"][-1]["job"]["id"])
    assert "lunar" not in str(job.messages)


def test_search_does_not_look_into_it(world: World, conversation: Conversation, path: list[Message]) -> None:
    def found(query: str) -> list[Conversation]:
        return list(Conversation.objects.visible().search(query, world.project))

    assert found("lunar") == []
    assert found("moves") == [conversation]


def test_the_export_of_ones_own_data_has_it(world: World, model: HostedModel, path: list[Message]) -> None:
    assert [message["reasoning"] for message in own_messages(world.editor)] == ["", THOUGHT]
    hide(model)
    assert [message["reasoning"] for message in own_messages(world.editor)] == ["", ""]


def test_a_shared_copy_has_it_only_if_asked(
    editor: Client, client: Client, conversation: Conversation, path: list[Message]
) -> None:
    page = client.get(link_of(share(editor, conversation, path))).content.decode()
    assert ANSWER in page
    assert "lunar" not in page
    page = client.get(link_of(share(editor, conversation, path, reasoning=True))).content.decode()
    assert "What the model thought" in page
    assert "Moon &lt;script&gt;pulls&lt;/script&gt; lunar" in page


def test_a_shared_copy_follows_the_policy_of_now(
    editor: Client, client: Client, conversation: Conversation, model: HostedModel, path: list[Message]
) -> None:
    link = link_of(share(editor, conversation, path, reasoning=True))
    hide(model)
    assert "lunar" not in client.get(link).content.decode()
    later = link_of(share(editor, conversation, path, reasoning=True))
    set_reasoning(actor=None, model=model, policy=ReasoningPolicy.SHOWN)
    assert "lunar" in client.get(link).content.decode()
    assert "lunar" not in client.get(later).content.decode()


def test_an_effort_is_a_setting_that_other_models_are_not_told(
    editor: Client, conversation: Conversation, model: HostedModel
) -> None:
    url = f"/c/{conversation.pk}/settings/"
    refused = post(editor, url, {"params": {"reasoning_effort": "heroic"}})
    assert refused.status_code == 422
    assert "low, medium, high" in refused.content.decode()
    assert post(editor, url, {"params": {"reasoning_effort": "high"}}).status_code == 200
    sent = send(editor, conversation, "Hello").json()["messages"][-1]
    assert GenerationJob.objects.get(pk=sent["job"]["id"]).params["reasoning_effort"] is None
    ModelVersion.objects.filter(hosted_model=model).update(takes_effort=True)
    again = post(editor, f"/c/{conversation.pk}/messages/{sent['id']}/regenerate/", {"client_id": "another-send"})
    job = again.json()["messages"][-1]["job"]["id"]
    assert GenerationJob.objects.get(pk=job).params["reasoning_effort"] == "high"
