"""Results of tool calls: written by a person, read by the model, shown wherever messages are."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tokenizers import Tokenizer

from apps.catalog.models import HostedModel
from apps.catalog.store import model_store
from apps.conversations.export import own_messages
from apps.conversations.history import Calls, chat_messages
from apps.conversations.models import Conversation, Message
from apps.conversations.tree import messages_of
from apps.generations.models import GenerationJob
from tests.conversations.build import answered, asked, end, make_conversation, post, send
from tests.conversations.test_sharing import link_of, share
from tests.engine.tool_templates import INSISTING, THINKING, weather
from tests.generations.tool_models import SHOWING, hosted_with_tools
from tests.generations.upstreams import far_model
from tests.world import World

PARIS, BREST = '{"city": "Paris"}', '{"city": "Brest"}'
CALLS = [
    {"name": "get_weather", "arguments": PARIS, "valid": True},
    {"name": "", "arguments": "{", "valid": False},
    {"name": "get_tide", "arguments": BREST, "valid": True},
]
GAVE = ['{"degrees": 18}', "high at <noon>"]


@pytest.fixture
def showing(world: World, model: HostedModel, tmp_path: Path) -> Conversation:
    found = hosted_with_tools(model_store().root, tmp_path / "handy", template=SHOWING)
    talk = make_conversation(world.project, world.editor, found)
    talk.params = {"tools": json.dumps([weather()]), "max_tokens": 5}
    talk.save()
    return talk


def called(talk: Conversation, text: str = "") -> Message:
    """An answer that asks for two calls, and tries a third."""
    answer = answered(asked(talk, "How is it there?"), text)
    GenerationJob.objects.filter(message=answer).update(tool_calls=CALLS)
    return Message.objects.get(pk=answer.pk)


def give(client: Client, answer: Message, results: Any = GAVE, client_id: str = "") -> Any:
    data = {"results": results, "client_id": client_id or secrets.token_hex(8)}
    return post(client, f"/c/{answer.conversation_id}/messages/{answer.pk}/results/", data)


def job_of(messages: list[dict[str, Any]]) -> GenerationJob:
    return GenerationJob.objects.get(pk=messages[-1]["job"]["id"])


def read(job: GenerationJob) -> str:
    """What the model reads."""
    tokenizer = Tokenizer.from_file(str(model_store().path(job.model_version.digest) / "tokenizer.json"))
    return str(tokenizer.decode(job.prompt_ids, skip_special_tokens=False))


def test_each_call_gets_a_message_and_the_model_goes_on_from_them(editor: Client, showing: Conversation) -> None:
    answer = called(showing)
    response = give(editor, answer)
    assert response.status_code == 201, response.content
    first, second, last = messages = response.json()["messages"]
    assert [(each["role"], each["tool_name"], each["text"]) for each in messages] == [
        ("tool", "get_weather", GAVE[0]),
        ("tool", "get_tide", GAVE[1]),
        ("assistant", "", ""),
    ]
    assert [each["parent"] for each in messages] == [answer.pk, first["id"], second["id"]]
    showing.refresh_from_db()
    assert showing.active_leaf_id == last["id"]
    job = job_of(messages)
    calls = [
        {"id": f"call0000{at}", "type": "function", "function": {"name": name, "arguments": given}}
        for at, (name, given) in enumerate([("get_weather", PARIS), ("get_tide", BREST)])
    ]
    assert job.messages[1:] == [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": GAVE[0], "name": "get_weather", "tool_call_id": "call00000"},
        {"role": "tool", "content": GAVE[1], "name": "get_tide", "tool_call_id": "call00001"},
    ]
    assert 'calls get_weather{"city": "Paris"}' in read(job)
    assert "high at <noon>" in read(job)


def test_sent_twice_it_is_one_send(editor: Client, showing: Conversation) -> None:
    answer = called(showing)
    first, again = (give(editor, answer, client_id="the-same-send") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert [each["id"] for each in first.json()["messages"]] == [each["id"] for each in again.json()["messages"]]
    assert GenerationJob.objects.count() == 2
    assert send(editor, showing, "Hm", answer.pk, client_id="the-same-send").status_code == 409


@pytest.mark.parametrize(
    ("results", "place", "words"),
    [
        (["18", "  "], 1, "say so, as in null"),
        (["a\0b", "x"], 0, "looks like a file"),
        (["x", "\ud800"], 1, "looks like a file"),
        (["x", 7], 1, "must be text"),
        (["x" * 1_000_000, "x"], 0, "characters too long"),
        (["18"], None, "has 2 calls to answer"),
        (["1", "2", "3"], None, "has 2 calls to answer"),
        ("18", None, "must be a list"),
    ],
)
def test_what_is_wrong_is_said_at_its_call(
    editor: Client, showing: Conversation, results: Any, place: int | None, words: str
) -> None:
    refused = give(editor, called(showing), results)
    assert refused.status_code in {413, 422}
    error = refused.json()["error"]
    assert words in error["message"]
    assert error.get("place") == place
    assert Message.objects.count() == 2


def test_only_an_answer_with_calls_that_has_ended_takes_results(editor: Client, showing: Conversation) -> None:
    question = asked(showing, "Hi")
    plain = answered(question, "Hello.")
    running = answered(question, "", "running")
    GenerationJob.objects.filter(message=running).update(tool_calls=CALLS)
    assert give(editor, question).status_code == 422
    assert "0 calls" in give(editor, plain).json()["error"]["message"]
    assert give(editor, running).status_code == 409
    showing.archived_at = showing.created_at
    showing.save()
    assert give(editor, called(showing)).json()["error"]["code"] == "archived"


def test_a_text_may_follow_calls_without_results(editor: Client, showing: Conversation) -> None:
    answer = called(showing)
    draft = {"text": "It is 18 °C.", "parent": answer.pk}
    counted = post(editor, f"/c/{showing.pk}/tokens/", draft).json()["tokens"]
    job = job_of(send(editor, showing, **draft).json()["messages"])
    assert [each["role"] for each in job.messages] == ["user", "assistant", "user"]
    assert "get_tide" in read(job)
    assert job.prompt_tokens == counted


def test_a_template_that_insists_on_results_reads_no_call_without(
    editor: Client, world: World, model: HostedModel, tmp_path: Path
) -> None:
    found = hosted_with_tools(model_store().root, tmp_path / "strict", template=INSISTING)
    talk = make_conversation(world.project, world.editor, found)
    answer = called(talk)
    job = job_of(send(editor, talk, "It is 18 °C.", answer.pk).json()["messages"])
    assert job.messages == [{"role": "user", "content": "How is it there?\n\nIt is 18 °C."}]
    assert "[TOOL_CALLS]" in read(job_of(give(editor, answer).json()["messages"]))


def test_what_it_thought_before_a_call_is_read_again_until_it_has_answered(
    editor: Client, world: World, model: HostedModel, tmp_path: Path
) -> None:
    found = hosted_with_tools(model_store().root, tmp_path / "thinker", template=THINKING["thinking"])
    talk = make_conversation(world.project, world.editor, found)
    answer = called(talk)
    GenerationJob.objects.filter(message=answer).update(reasoning="The lunar pull matters.")
    given = give(editor, answer).json()["messages"]
    assert "(The lunar pull matters.)" in read(job_of(given))
    end(given[-1]["id"], "High at noon.")
    later = job_of(send(editor, talk, "And then?", given[-1]["id"]).json()["messages"])
    assert "lunar" not in read(later) + json.dumps(later.messages)


def test_results_count_and_can_be_answered_again_and_given_anew(editor: Client, showing: Conversation) -> None:
    answer = called(showing)
    first = give(editor, answer).json()["messages"]
    end(first[-1]["id"], "Mild.")
    again = post(
        editor, f"/c/{showing.pk}/messages/{first[-1]['id']}/regenerate/", {"client_id": "again-again"}
    ).json()["messages"]
    assert job_of(again).prompt_ids == job_of(first).prompt_ids
    assert again[0]["siblings"] == [first[-1]["id"], again[0]["id"]]
    anew = give(editor, answer, ["3", "4"]).json()["messages"]
    assert anew[0]["siblings"] == [first[0]["id"], anew[0]["id"]]
    assert job_of(anew).prompt_tokens < job_of(first).prompt_tokens
    earlier = editor.get(f"/c/{showing.pk}/messages/?leaf={first[0]['id']}").json()["messages"]
    assert [each["role"] for each in earlier] == ["user", "assistant", "tool", "tool", "assistant"]
    counted = [
        post(editor, f"/c/{showing.pk}/tokens/", {"text": "And?", "parent": parent}).json()["tokens"]
        for parent in (first[-1]["id"], answer.pk)
    ]
    assert counted[0] > counted[1]


def test_a_model_that_is_shown_no_calls_reads_results_as_texts(editor: Client, conversation: Conversation) -> None:
    answer = called(conversation)
    job = job_of(give(editor, answer).json()["messages"])
    said = f"How is it there?\n\nResult of get_weather:\n{GAVE[0]}\n\nResult of get_tide:\n{GAVE[1]}"
    assert job.messages == [{"role": "user", "content": said}]
    with_text = chat_messages("", messages_of([answer.parent_id or "", called(conversation, "Hm.").pk]))
    assert with_text[-1] == {"role": "assistant", "content": "Hm."}


def test_another_server_is_sent_only_calls_that_have_results(
    editor: Client, showing: Conversation, settings: Any
) -> None:
    showing.hosted_model = far_model("http://127.0.0.1:9/v1")
    showing.save()
    answer = called(showing)
    alone = job_of(send(editor, showing, "Never mind.", answer.pk).json()["messages"])
    assert alone.messages == [{"role": "user", "content": "How is it there?\n\nNever mind."}]
    job = job_of(give(editor, answer).json()["messages"])
    assert [each["role"] for each in job.messages] == ["user", "assistant", "tool", "tool"]
    assert [each["id"] for each in job.messages[1]["tool_calls"]] == ["call00000", "call00001"]
    path = messages_of([answer.parent_id or "", answer.pk])
    half = Message(role="tool", text="high", tool_name="get_tide")
    told = chat_messages("", [*path, half], Calls.ANSWERED)
    assert [call["id"] for call in told[1]["tool_calls"]] == ["call00001"] == [told[2]["tool_call_id"]]


def test_they_are_exported_found_shared_and_continued(
    client: Client, editor: Client, showing: Conversation, world: World
) -> None:
    answer = called(showing)
    sent = give(editor, answer).json()["messages"]
    end(sent[-1]["id"], "Mild.")
    exported = own_messages(world.editor)
    assert exported[1]["tool_calls"] == CALLS
    assert [(each["tool_name"], each["text"]) for each in exported[2:4]] == [
        ("get_weather", GAVE[0]),
        ("get_tide", GAVE[1]),
    ]
    assert showing in Conversation.objects.search("noon", world.project)
    path = messages_of([answer.pk, *(each["id"] for each in sent)])
    link = link_of(share(editor, showing, path))
    page = client.get(link).content.decode()
    assert "Result of <code>get_tide</code>" in page
    assert "high at &lt;noon&gt;" in page
    assert "&quot;Paris&quot;" in page
    data = {"project": world.project.pk, "model": showing.hosted_model_id}
    response = editor.post(f"{link}continue/", data)
    copy = Conversation.objects.exclude(pk=showing.pk).get()
    assert response.url == f"/c/{copy.pk}/"
    job = job_of(send(editor, copy, "And then?", copy.active_leaf_id).json()["messages"])
    assert [each["role"] for each in job.messages] == ["assistant", "tool", "tool", "assistant", "user"]
