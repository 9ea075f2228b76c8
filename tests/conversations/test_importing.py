"""Conversations from files: our own exports, ChatGPT's and Open WebUI's, and whatever else somebody sends."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.conversations.download import as_json
from apps.conversations.importing import parts, reading
from apps.conversations.importing.parts import Found, UnreadableError
from apps.conversations.importing.reading import read_file
from apps.conversations.models import Conversation, Message
from apps.conversations.tree import read_tree
from apps.generations.models import GenerationJob
from apps.projects.actions.projects import create_project
from apps.projects.models import Project
from apps.quotas.models import LedgerEntry
from tests.conversations.build import answered, asked, make_conversation, send
from tests.world import World

MAY = 1_714_737_600  # 3 May 2024, 12:00 UTC


def turn(role: str, text: Any, parent: str | None, *children: str, **more: Any) -> dict[str, Any]:
    """A node of a ChatGPT export."""
    content = {"content_type": "text", "parts": [text]} | more.pop("content", {})
    message = {"author": {"role": role}, "content": content, "create_time": MAY, "recipient": "all", **more}
    return {"message": message, "parent": parent, "children": list(children)}


def chatgpt(**more: Any) -> dict[str, Any]:
    """A question, two answers to it, one of them by way of a tool, and what followed the second."""
    model = {"metadata": {"model_slug": "gpt-4o"}}
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    return {
        "title": "Tides",
        "create_time": MAY,
        "update_time": MAY + 60,
        "current_node": "a1",
        "mapping": {
            "root": {"message": None, "parent": None, "children": ["system"]},
            "system": turn("system", "You are ChatGPT.", "root", "u1", **hidden),
            "a2": turn("assistant", "Twice a day.", "u1", "u2", **model),
            "u1": turn("user", "When is high tide?", "system", "a1", "a2"),
            "a1": turn("assistant", "It depends.", "u1", **model),
            "u2": turn("user", "And ebb?", "a2", "call"),
            "call": turn("assistant", "search('ebb')", "u2", "result", recipient="browser"),
            "result": turn("tool", "secret", "call", "thoughts"),
            "thoughts": turn("assistant", "", "result", "a3", content={"content_type": "thoughts"}),
            "a3": turn("assistant", "Between them.", "thoughts", "a4", create_time=MAY + 50, **model),
            "a4": turn("assistant", "As ever.", "a3", **model),
        },
        **more,
    }


def open_webui(**more: Any) -> dict[str, Any]:
    said = {
        "u": {"parentId": None, "childrenIds": ["b", "a"], "role": "user", "content": "Hi", "timestamp": MAY},
        "a": {"parentId": "u", "role": "assistant", "content": "Later", "modelName": "Llama", "model": "llama3"},
        "b": {"parentId": "u", "role": "assistant", "content": "First", "model": "llama3", "timestamp": MAY},
    }
    chat = {"title": "Greeting", "models": ["llama3"], "history": {"messages": said, "currentId": "a"}, "messages": []}
    return {"id": "1", "title": "Greeting", "chat": chat | more, "updated_at": MAY, "created_at": MAY}


def data(*entries: Any) -> bytes:
    return json.dumps(list(entries)).encode()


def only(entry: Any) -> Found:
    (found,) = read_file(data(entry))
    assert not found.problem
    return found


def shape(found: Found) -> list[tuple[str, str, str]]:
    """(text of the parent, role, text) of each message."""
    texts = {node.key: node.text for node in found.nodes}
    return [(texts.get(node.parent or "", ""), node.role, node.text) for node in found.nodes]


def test_of_chatgpt_s_what_its_reader_saw_comes_with_its_branches() -> None:
    found = only(chatgpt())
    assert shape(found) == [
        ("", "user", "When is high tide?"),
        ("When is high tide?", "assistant", "It depends."),
        ("When is high tide?", "assistant", "Twice a day."),
        ("Twice a day.", "user", "And ebb?"),
        ("And ebb?", "assistant", "Between them.\n\nAs ever."),
    ]
    assert (found.title, found.form, found.model, found.branches) == ("Tides", "ChatGPT", "gpt-4o", 2)
    current = next(node for node in found.nodes if node.key == found.current)
    assert (current.text, current.label) == ("It depends.", "gpt-4o")


def test_of_open_webui_s_too_alternatives_in_their_order() -> None:
    found = only(open_webui())
    assert shape(found) == [("", "user", "Hi"), ("Hi", "assistant", "First"), ("Hi", "assistant", "Later")]
    assert [node.label for node in found.nodes] == ["", "llama3", "Llama"]
    assert only(open_webui()["chat"]).title == "Greeting", "without its row"


def test_pictures_are_named_and_questions_without_an_answer_can_be_asked_again() -> None:
    seen = {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "What is it?"]}
    found = only({"title": "", "mapping": {"u": turn("user", "", None, content=seen)}})
    assert shape(found) == [("", "user", "[Picture]\n\nWhat is it?"), ("[Picture]\n\nWhat is it?", "assistant", "")]
    assert found.title == "[Picture]"


def test_each_entry_that_is_none_says_why_and_the_others_come() -> None:
    circle = {"a": turn("user", "x", "b"), "b": turn("assistant", "y", "a")}
    found = read_file(data(chatgpt(), 7, {"title": "What?"}, {"title": "Round", "mapping": circle}, {"mapping": {}}))
    assert [(each.number, each.title, each.problem.split(",")[0].split(".")[0]) for each in found] == [
        (1, "Tides", ""),
        (2, "", "It is not a conversation in a form that is known here"),
        (3, "What?", "It is not a conversation in a form that is known here"),
        (4, "Round", "Some of its messages follow each other in a circle"),
        (5, "", "Nothing is said in it that could be shown"),
    ]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "not JSON: line 1, column 1"),
        (b"PK\x03\x04\xff", "not text in UTF-8"),
        (b"[1, 2", "not JSON"),
        (b"[]", "no conversation in this file"),
        (b'{"a": 1}', "none of an export that can be read here"),
        (b"[" * 100_000, "nobody can have written"),
        (b'[{"mapping": {}, "create_time": NaN}]', "nobody can have written"),
        (b"[" + b"9" * 10_000 + b"]", "nobody can have written"),
        (b"[" + b"{}," * 1_000_000 + b"{}]", "more parts"),
        (data(*[{}] * 2001), "2,001 conversations; up to 2,000"),
    ],
)
def test_files_that_are_none_are_refused_in_words(sent: bytes, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_file(sent)


def test_values_of_all_kinds_in_all_places_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote the file may have put anything anywhere: it is left out, or told as a problem."""
    odd: list[Any] = [None, True, -1, 1e308, 10**400, "\x00\ud800", "x" * 50, [], [[]], [None], {}, {"": {}}, {"a": []}]

    def bent(value: Any, by: Any) -> list[Any]:
        """The same with `by` in the place of each value in it."""
        if not isinstance(value, dict):
            return [by]
        return [by, *({**value, key: other} for key, inner in value.items() for other in bent(inner, by))]

    monkeypatch.setattr(parts, "MAX_TEXT_CHARS", 40)
    own = {
        "title": "T",
        "system_prompt": "",
        "params": {},
        "exported_at": "",
        "messages": [{"role": "user", "text": "x"}],
    }
    for whole in (chatgpt(), open_webui(), own):
        for by in odd:
            for entry in bent(whole, by):
                for found in reading.read_file(json.dumps([entry, chatgpt(title="T")]).encode()):
                    assert found.problem or found.nodes
                    assert not any(parts.UNSTORABLE.search(node.text + node.label) for node in found.nodes)


def test_deep_and_wide_trees_take_no_longer_than_they_must() -> None:
    chain = {f"{n}": turn("user" if n % 2 else "assistant", "x", f"{n - 1}" if n else None) for n in range(4000)}
    assert len(only({"mapping": chain}).nodes) == 4001
    more = {f"{n}": turn("user", "x", None) for n in range(5001)}
    assert "5,001 messages; up to 5,000" in read_file(data({"mapping": more}))[0].problem


# --- over HTTP --------------------------------------------------------------------------------------------------------


def post(client: Client, project: Project, step: str, sent: bytes, **more: str) -> Any:
    file = SimpleUploadedFile("conversations.json", sent, "application/json")
    return client.post(f"/p/{project.pk}/conversations/import/{step}/", {"file": file, **more})


def test_what_was_chosen_becomes_conversations(world: World, editor: Client, model: HostedModel) -> None:
    sent = data(chatgpt(), open_webui(), {"title": "What?"})
    told = post(editor, world.project, "preview", sent).json()["conversations"]
    assert [(each["title"], each["messages"], each["branches"], bool(each["problem"])) for each in told] == [
        ("Tides", 5, 2, False), ("Greeting", 3, 2, False), ("What?", 0, 0, True)
    ]  # fmt: skip
    assert not Conversation.objects.exists()
    answer = post(editor, world.project, "chosen", sent, numbers="1,2")
    assert (answer.status_code, answer.json()) == (201, {"url": f"/p/{world.project.pk}/conversations/"})
    tides, greeting = Conversation.objects.order_by("-title")
    assert (tides.created_by, tides.hosted_model, tides.title) == (world.editor, model, "Tides")
    assert tides.created_at.isoformat() == "2024-05-03T12:00:00+00:00"
    assert tides.updated_at.isoformat() == "2024-05-03T12:00:50+00:00"
    assert not GenerationJob.objects.exists()
    assert not LedgerEntry.objects.exists()
    event = AuditEvent.objects.get(action="conversation.imported")
    assert (event.actor_id, event.project_id) == (world.editor.pk, world.project.pk)
    assert event.details == {"conversations": 2, "forms": ["ChatGPT", "Open WebUI"], "messages": 8}
    shown = editor.get(f"/c/{tides.pk}/messages/").json()["messages"]
    assert [(each["text"], each["label"], len(each["siblings"])) for each in shown] == [
        ("When is high tide?", "", 1), ("It depends.", "gpt-4o", 2)
    ]  # fmt: skip
    assert shown[0]["user"]["id"] == world.editor.pk
    other = editor.get(f"/c/{tides.pk}/messages/?leaf={shown[1]['siblings'][1]}").json()["messages"]
    assert [each["text"] for each in other][1:] == ["Twice a day.", "And ebb?", "Between them.\n\nAs ever."]
    _, later = editor.get(f"/c/{greeting.pk}/messages/").json()["messages"]
    first = Message.objects.get(text="First")
    assert later["siblings"] == [first.pk, later["id"]]
    went_on = send(editor, greeting, "How are you?", later["id"])
    assert went_on.status_code == 201
    read = GenerationJob.objects.get().messages
    assert [each["content"] for each in read] == ["Hi", "Later", "How are you?"]


def here(client: Client, project: Project, sent: bytes) -> list[tuple[str, bool] | None]:
    """Of each entry, where it is already, and whether it is the same."""
    told = post(client, project, "preview", sent).json()["conversations"]
    return [each["here"] and (each["here"]["url"], each["here"]["is_same"]) for each in told]


@pytest.mark.parametrize(
    ("entry", "other", "said"),
    [
        (chatgpt(id="c-1"), chatgpt(id="c-2"), "mapping"),
        (chatgpt(conversation_id="c-1"), chatgpt(conversation_id="c-2"), "mapping"),
        (open_webui(), open_webui() | {"id": "2"}, "chat"),
    ],
    ids=["ChatGPT", "ChatGPT of late", "Open WebUI"],
)
def test_what_is_here_already_is_told_and_what_grew_since_comes_as_new(
    world: World, editor: Client, model: HostedModel, entry: dict[str, Any], other: dict[str, Any], said: str
) -> None:
    sent = data(entry, other)
    assert here(editor, world.project, sent) == [None, None]
    url = post(editor, world.project, "chosen", sent, numbers="1").json()["url"]
    assert here(editor, world.project, sent) == [(url, True), None], "as much was said, and elsewhere"
    assert here(editor, world.project, data(entry | {"title": "Renamed"})) == [(url, True)]
    more = copy.deepcopy(entry)
    if said == "mapping":
        more["mapping"]["a1"]["children"] = ["u9"]
        more["mapping"]["u9"] = turn("user", "And now?", "a1")
    else:
        more["chat"]["history"]["messages"]["u9"] = {"parentId": "a", "role": "user", "content": "And now?"}
    assert here(editor, world.project, data(more)) == [(url, False)]
    grown = post(editor, world.project, "chosen", data(more), numbers="1").json()["url"]
    assert here(editor, world.project, data(more, entry)) == [(grown, True), (url, True)]


def test_one_without_an_id_is_known_by_what_it_says(world: World, editor: Client, model: HostedModel) -> None:
    url = post(editor, world.project, "chosen", data(chatgpt()), numbers="1").json()["url"]
    other = {"mapping": {"u": turn("user", "Something else", None)}}
    assert here(editor, world.project, data(chatgpt(), other)) == [(url, True), None]


def test_what_went_to_the_bin_or_to_another_project_is_not_here(
    world: World, editor: Client, model: HostedModel
) -> None:
    elsewhere = create_project(actor=world.editor, name="Elsewhere")
    sent = data(chatgpt(id="c-1"))
    post(editor, elsewhere, "chosen", sent, numbers="1")
    assert here(editor, world.project, sent) == [None]
    url = post(editor, world.project, "chosen", sent, numbers="1").json()["url"]
    assert here(editor, world.project, sent) == [(url, True)]
    Conversation.objects.filter(project=world.project).update(deleted_at=timezone.now())
    assert here(editor, world.project, sent) == [None]


def test_our_own_export_is_known_where_it_came_from_and_where_it_went(
    world: World, editor: Client, model: HostedModel
) -> None:
    original = make_conversation(world.project, world.owner, model, "Ebb")
    leaf = answered(asked(original, "When is ebb?", user=world.owner), "At noon.")
    sent = exported(original, leaf.pk)
    assert here(editor, world.project, sent) == [(f"/c/{original.pk}/", True)]
    odd = json.loads(sent) | {"id": "\ud800"}
    odd["messages"][-1]["id"] = "\0"
    assert here(editor, world.project, data(odd)) == [None]
    elsewhere = create_project(actor=world.editor, name="Elsewhere")
    assert here(editor, elsewhere, sent) == [None], "nothing is told of other projects"
    url = post(editor, elsewhere, "chosen", sent, numbers="1").json()["url"]
    assert here(editor, elsewhere, sent) == [(url, True)]
    later = answered(asked(original, "And flood?", leaf, user=world.owner), "At six.")
    assert here(editor, elsewhere, exported(original, later.pk)) == [(url, False)]


def exported(conversation: Conversation, leaf: str | None) -> bytes:
    return "".join(as_json(conversation, read_tree(conversation).path(leaf))).encode()


def test_our_own_export_comes_back_as_it_was(world: World, editor: Client, model: HostedModel) -> None:
    before = make_conversation(world.project, world.owner, model, "Ebb")
    before.system_prompt, before.params = "You are a pilot.", {"temperature": 0.4}
    before.save()
    first = answered(asked(before, "When is ebb?", user=world.owner), "", "failed")
    second = answered(asked(before, "Again: when?", first, user=world.editor), "At noon.")
    sent = exported(before, second.pk)
    answer = post(editor, world.project, "chosen", sent, numbers="1")
    after = Conversation.objects.exclude(pk=before.pk).get()
    assert answer.json()["url"] == f"/c/{after.pk}/"
    assert (after.title, after.system_prompt, after.params, after.hosted_model) == (
        "Ebb", "You are a pilot.", {"temperature": 0.4}, model
    )  # fmt: skip
    told = after.messages.order_by("created_at", "id")
    assert [(each.role, each.text, each.label, each.user) for each in told] == [
        ("user", "When is ebb?", "Owner", None),
        ("assistant", "", model.pk, None),
        ("user", "Again: when?", "Editor", world.editor),
        ("assistant", "At noon.", model.pk, None),
    ]
    kept = before.messages.order_by("created_at", "id")  # an export tells milliseconds
    assert all(
        abs(one.created_at - other.created_at) < timedelta(milliseconds=2)
        for one, other in zip(told, kept, strict=True)
    )
    again = json.loads(exported(after, after.active_leaf_id))
    assert [(each["person"], each["model"]) for each in again["messages"]] == [
        ("Owner", None), (None, model.pk), ("Editor", None), (None, model.pk)
    ]  # fmt: skip


def test_settings_that_hold_here_no_more_stay_behind(world: World, editor: Client, model: HostedModel) -> None:
    call = {"name": "f", "arguments": "{not json", "valid": True}
    said = [{"role": "user", "text": "x", "tool_calls": [call]}]
    own = {"title": "T", "system_prompt": "", "params": {"temperature": "hot"}, "exported_at": "", "messages": said}
    assert post(editor, world.project, "chosen", data(own), numbers="1").status_code == 201
    assert Conversation.objects.get().params == {}
    assert Message.objects.get(role="user").tool_calls == [{"name": "f", "arguments": "{not json", "valid": False}]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ("", "Choose at least one"),
        ("9", "Choose at least one"),
        ("1,x", "Choose at least one"),
        ("1,2", "Number 2, “What?”, can't be imported."),
    ],
)
def test_a_wrong_choice_imports_nothing(world: World, editor: Client, numbers: str, words: str) -> None:
    refusal = post(editor, world.project, "chosen", data(chatgpt(), {"title": "What?"}), numbers=numbers)
    assert (refusal.status_code, words in refusal.json()["error"]["message"]) == (422, True)
    assert not Conversation.objects.exists()


def test_a_file_that_is_too_large_is_refused_with_what_is_allowed(world: World, editor: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_MB = 1
    refusal = post(editor, world.project, "preview", b" " * 1_000_001)
    assert (refusal.status_code, "larger than 1 MB" in refusal.json()["error"]["message"]) == (413, True)


def test_titles_and_texts_are_text(world: World, editor: Client, model: HostedModel) -> None:
    bad = "</script><script>alert(1)</script>"
    entry = {"title": bad, "mapping": {"u": turn("user", bad, None)}}
    post(editor, world.project, "chosen", data(entry), numbers="1")
    for path in (f"/p/{world.project.pk}/conversations/", f"/c/{Conversation.objects.get().pk}/"):
        assert "<script>alert" not in editor.get(path).content.decode()


def test_many_take_few_statements(
    world: World, editor: Client, model: HostedModel, django_assert_max_num_queries: Any
) -> None:
    sent = data(*[chatgpt()] * 150)
    numbers = ",".join(str(number) for number in range(1, 151))
    with django_assert_max_num_queries(32):
        assert post(editor, world.project, "chosen", sent, numbers=numbers).status_code == 201
    assert Message.objects.count() == 750
