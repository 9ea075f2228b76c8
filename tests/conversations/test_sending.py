"""Sending, editing and regenerating over HTTP, with what a job gets to read."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connections
from django.test import Client

from apps.catalog.models import HostedModel
from apps.conversations.models import Conversation, Message
from apps.generations.models import GenerationJob, State
from apps.governance.models import Grant, Subject
from tests.conversations.build import end, listed_model, make_conversation, post, send
from tests.world import World


def counts() -> tuple[int, int]:
    return Message.objects.count(), GenerationJob.objects.count()


def read_by(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """What the model reads for `answer`."""
    job = GenerationJob.objects.get(pk=answer["job"]["id"])
    return [(message["role"], message["content"]) for message in job.messages]


def test_the_first_prompt(editor: Client, conversation: Conversation, world: World) -> None:
    response = send(editor, conversation, "What is the capital of France?\nBe brief.")
    assert response.status_code == 201
    question, answer = response.json()["messages"]
    assert question["text"] == "What is the capital of France?\nBe brief."
    assert (question["role"], question["parent"], question["job"]) == ("user", None, None)
    assert question["user"] == {"id": world.editor.pk, "name": "Editor", "initials": "E"}
    assert question["siblings"] == [question["id"]]
    assert (answer["role"], answer["parent"], answer["text"], answer["user"]) == ("assistant", question["id"], "", None)
    assert answer["job"]["state"] == "queued"
    assert answer["job"]["model"] == conversation.hosted_model_id
    assert read_by(answer) == [("user", question["text"])]
    conversation.refresh_from_db()
    assert conversation.title == "What is the capital of France?"
    assert conversation.active_leaf_id == answer["id"]


def test_the_history_is_the_path(editor: Client, conversation: Conversation) -> None:
    Conversation.objects.update(system_prompt="Answer in French.")
    _, first = send(editor, conversation, "One?").json()["messages"]
    end(first["id"], "Un.")
    _, second = send(editor, conversation, "Two?", parent=first["id"]).json()["messages"]
    assert read_by(second) == [
        ("system", "Answer in French."),
        ("user", "One?"),
        ("assistant", "Un."),
        ("user", "Two?"),
    ]


def test_partial_answers_are_read_and_empty_ones_are_not(editor: Client, conversation: Conversation) -> None:
    _, stopped = send(editor, conversation, "One?").json()["messages"]
    end(stopped["id"], "Half an ans", State.CANCELLED)
    _, failed = send(editor, conversation, "Two?", parent=stopped["id"]).json()["messages"]
    end(failed["id"], "", State.FAILED)
    _, third = send(editor, conversation, "Again.", parent=failed["id"]).json()["messages"]
    assert read_by(third) == [("user", "One?"), ("assistant", "Half an ans"), ("user", "Two?\n\nAgain.")]


def test_an_edit_is_a_branch(editor: Client, conversation: Conversation) -> None:
    question, answer = send(editor, conversation, "Capital of Frence?").json()["messages"]
    edited, other = send(editor, conversation, "Capital of France?").json()["messages"]
    assert edited["siblings"] == [question["id"], edited["id"]]
    assert read_by(other) == [("user", "Capital of France?")]
    shown = editor.get(f"/c/{conversation.pk}/messages/").json()
    assert [message["id"] for message in shown["messages"]] == [edited["id"], other["id"]]
    earlier = editor.get(f"/c/{conversation.pk}/messages/?leaf={question['id']}").json()
    assert [message["id"] for message in earlier["messages"]] == [question["id"], answer["id"]]
    assert earlier["leaf"] == answer["id"]


def test_regenerating_makes_a_sibling(editor: Client, conversation: Conversation) -> None:
    question, answer = send(editor, conversation, "A number?").json()["messages"]
    end(answer["id"], "Seven.")
    url = f"/c/{conversation.pk}/messages/{answer['id']}/regenerate/"
    response = post(editor, url, {"client_id": "again-0001"})
    assert response.status_code == 201
    (other,) = response.json()["messages"]
    assert other["siblings"] == [answer["id"], other["id"]]
    assert other["parent"] == question["id"]
    assert read_by(other) == [("user", "A number?")]
    repeated = post(editor, url, {"client_id": "again-0001"})
    assert repeated.status_code == 200
    assert repeated.json()["messages"][0]["id"] == other["id"]
    prompt = post(editor, f"/c/{conversation.pk}/messages/{question['id']}/regenerate/", {"client_id": "again-0002"})
    assert prompt.status_code == 422


def test_another_model_answers_beside(editor: Client, conversation: Conversation, world: World) -> None:
    """Only who may use it asks it, and the branch on show stays what it was."""
    _, answer = send(editor, conversation, "A number?").json()["messages"]
    end(answer["id"], "Seven.")
    own, other = conversation.hosted_model_id, listed_model("other")
    Grant.objects.filter(hosted_model=other).update(subject_type=Subject.USER, user=world.owner)
    Conversation.objects.update(hosted_model=other)
    url = f"/c/{conversation.pk}/messages/{answer['id']}/regenerate/"
    refused = post(editor, url, {"client_id": "beside-001", "model": other.pk})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_grant")
    (beside,) = post(editor, url, {"client_id": "beside-001", "model": own}).json()["messages"]
    assert (beside["job"]["model"], beside["parent"]) == (own, answer["parent"])
    assert read_by(beside) == [("user", "A number?")]
    conversation.refresh_from_db()
    assert (conversation.active_leaf_id, conversation.hosted_model_id) == (answer["id"], other.pk)
    found = editor.get(f"/c/{conversation.pk}/messages/{answer['id']}/alternatives/").json()["messages"]
    assert [each["id"] for each in found] == [answer["id"], beside["id"]]
    assert [each["text"] for each in found] == ["Seven.", ""]
    unknown = post(editor, url, {"client_id": "beside-002", "model": "nobody-knows"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (422, "unknown_model")


def test_a_repeated_send_is_one_send(editor: Client, conversation: Conversation) -> None:
    first = send(editor, conversation, "Once.", client_id="the-same-1").json()["messages"]
    end(first[1]["id"], "Yes.")
    post(editor, f"/c/{conversation.pk}/messages/{first[1]['id']}/regenerate/", {"client_id": "another-1"})
    before = counts()
    again = send(editor, conversation, "Once.", client_id="the-same-1")
    assert again.status_code == 200
    assert [message["id"] for message in again.json()["messages"]] == [message["id"] for message in first]
    crossed = send(editor, conversation, "Other.", client_id="another-1")
    assert crossed.status_code == 409
    assert counts() == before


@pytest.mark.django_db(transaction=True)
def test_a_raced_send_is_one_send(world: World, model: HostedModel) -> None:
    conversation = make_conversation(world.project, world.editor, model)
    answers: list[tuple[int, list[str]]] = []
    barrier = threading.Barrier(8)

    def race() -> None:
        client = Client()
        client.force_login(world.editor)
        barrier.wait()
        response = send(client, conversation, "Once.", client_id="raced-0001")
        answers.append((response.status_code, [message["id"] for message in response.json()["messages"]]))
        connections.close_all()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({tuple(identifiers) for _, identifiers in answers}) == 1
    assert counts() == (2, 1)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"text": ""}, 422, "empty"),
        ({"text": " \n\t "}, 422, "empty"),
        ({"text": None}, 422, "empty"),
        ({"text": 7}, 422, "invalid"),
        ({"text": ["a"]}, 422, "invalid"),
        ({"text": "x" * (site.MAX_PROMPT_CHARS + 3)}, 413, "too_long"),
        ({"text": "nul \x00 byte"}, 422, "binary"),
        ({"text": "lone \ud800 surrogate"}, 422, "binary"),
        ({"text": "\x01\x02\x03PK\x05\x06"}, 422, "binary"),
        ({"client_id": None}, 422, "invalid"),
        ({"client_id": "short"}, 422, "invalid"),
        ({"client_id": "x" * 65}, 422, "invalid"),
        ({"client_id": "with space 1"}, 422, "invalid"),
        ({"parent": "0000000000000000"}, 422, "no_parent"),
        ({"parent": "\x00"}, 422, "no_parent"),
        ({"parent": 7}, 422, "invalid"),
    ],
)
def test_bad_sends_change_nothing(
    editor: Client, conversation: Conversation, data: dict[str, Any], status: int, code: str
) -> None:
    before = counts()
    response = send(editor, conversation, **{"text": "Fine.", **data})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"]["message"].endswith(".")
    assert counts() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff\xfe", b"[" * 100_000])
def test_bodies_that_are_not_an_object(editor: Client, conversation: Conversation, body: bytes) -> None:
    response = editor.post(f"/c/{conversation.pk}/messages/", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "not_json")


def test_a_body_that_is_far_too_large(editor: Client, conversation: Conversation) -> None:
    response = send(editor, conversation, "x" * 3_000_000)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_long")


def test_a_prompt_follows_a_finished_answer_only(editor: Client, conversation: Conversation) -> None:
    question, answer = send(editor, conversation, "One?").json()["messages"]
    before = counts()
    busy = send(editor, conversation, "Two?", parent=answer["id"])
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "busy")
    after_a_prompt = send(editor, conversation, "Two?", parent=question["id"])
    assert (after_a_prompt.status_code, after_a_prompt.json()["error"]["code"]) == (422, "no_parent")
    assert counts() == before


def test_a_parent_of_another_conversation(editor: Client, conversation: Conversation, world: World) -> None:
    other = make_conversation(world.project, world.editor, conversation.hosted_model)
    _, elsewhere = send(editor, other, "Elsewhere.").json()["messages"]
    end(elsewhere["id"], "Yes.")
    response = send(editor, conversation, "Here.", parent=elsewhere["id"])
    assert (response.status_code, response.json()["error"]["code"]) == (422, "no_parent")
    url = f"/c/{conversation.pk}/messages/{elsewhere['id']}/regenerate/"
    assert post(editor, url, {"client_id": "elsewhere-1"}).status_code == 404


@pytest.mark.parametrize("why", ["none", "disabled", "no version"])
def test_without_a_model_to_ask(editor: Client, conversation: Conversation, why: str) -> None:
    if why == "none":
        Conversation.objects.update(hosted_model=None)
    elif why == "disabled":
        HostedModel.objects.update(is_enabled=False)
    else:
        HostedModel.objects.update(default_version=None)
    response = send(editor, conversation, "Anybody?")
    assert response.status_code == 422
    assert "model" in response.json()["error"]["message"]
    assert counts() == (0, 0)


def test_a_prompt_that_does_not_fit_says_by_how_much(editor: Client, conversation: Conversation) -> None:
    response = send(editor, conversation, "lighthouse " * 5_000)
    assert response.status_code in {413, 422}
    error = response.json()["error"]
    assert error["code"] == "context_overflow"
    assert error["over"] > 0
    assert f"{error['over']:,}".replace(",", "") in error["message"].replace(",", "")
    assert "new conversation" not in error["message"]  # this is a new one
    assert counts() == (0, 0)
    counted = post(editor, f"/c/{conversation.pk}/tokens/", {"text": "lighthouse " * 5_000, "parent": None}).json()
    assert counted["over"] == error["over"]


def test_an_archived_conversation_takes_no_prompt(editor: Client, conversation: Conversation) -> None:
    post(editor, f"/c/{conversation.pk}/archive/", {})
    response = send(editor, conversation, "Hello?")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "archived")


def test_counting_tokens(editor: Client, conversation: Conversation) -> None:
    url = f"/c/{conversation.pk}/tokens/"
    empty = post(editor, url, {"text": "", "parent": None}).json()
    some = post(editor, url, {"text": "lighthouse", "parent": None}).json()
    assert some["tokens"] > empty["tokens"]
    assert some["limit"] > some["tokens"]
    assert some["over"] == 0
    _, answer = send(editor, conversation, "One?").json()["messages"]
    end(answer["id"], "A long answer indeed.")
    assert post(editor, url, {"text": "lighthouse", "parent": answer["id"]}).json()["tokens"] > some["tokens"]


def test_the_sampling_parameters_go_with_the_job(editor: Client, conversation: Conversation) -> None:
    post(editor, f"/c/{conversation.pk}/settings/", {"params": {"temperature": 0.25, "max_tokens": 7}})
    _, answer = send(editor, conversation, "Go.").json()["messages"]
    params = GenerationJob.objects.get(pk=answer["job"]["id"]).params
    assert (params["temperature"], params["max_tokens"]) == (0.25, 7)
    assert json.dumps(params)
