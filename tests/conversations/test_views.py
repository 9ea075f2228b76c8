"""Every view for every person, and what each does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.conversations.actions.lifecycle import purge_overdue
from apps.conversations.export import own_messages
from apps.conversations.models import Conversation, Message
from apps.conversations.templatetags.conversations_ui import recent_conversations
from apps.generations.models import GenerationJob, State
from apps.projects.models import Project
from apps.prompts.models import PromptRevision
from tests.conversations.build import answered, asked, listed_model, make_conversation, post, send
from tests.world import World

READS = ["/c/{cid}/", "/c/{cid}/messages/", "/p/{pid}/conversations/"]
JSON_WRITES = {
    "messages": {"text": "Hello.", "parent": None, "client_id": "matrix-0001"},
    "messages/{mid}/regenerate": {"client_id": "matrix-0002"},
    "messages/{mid}/results": {"client_id": "matrix-0003", "results": ["18 °C"]},
    "settings": {"title": "Renamed"},
    **{name: {} for name in ("pin", "unpin", "archive", "unarchive", "delete")},
}
PEOPLE = ["owner", "editor", "viewer", "stranger", "admin", "anonymous"]


def client_of(world: World, name: str) -> Client:
    client = Client()
    if name != "anonymous":
        client.force_login(world.person(name))
    return client


@pytest.fixture
def answer(conversation: Conversation) -> Message:
    return answered(asked(conversation, "Question?"), "Answer.")


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("url", READS)
def test_who_may_read(world: World, answer: Message, name: str, url: str) -> None:
    address = url.format(cid=answer.conversation_id, pid=world.project.pk)
    status = client_of(world, name).get(address).status_code
    if name == "anonymous":
        assert status == (401 if "messages" in url else 302)
    else:
        assert status == (404 if name in {"stranger", "admin"} else 200)


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("path", JSON_WRITES)
def test_who_may_write(world: World, answer: Message, name: str, path: str) -> None:
    calls = [{"name": "get_tide", "arguments": "{}", "valid": True}]
    GenerationJob.objects.filter(message=answer).update(tool_calls=calls)
    url = f"/c/{answer.conversation_id}/{path.format(mid=answer.pk)}/"
    response = post(client_of(world, name), url, JSON_WRITES[path])
    expected = {"anonymous": 401, "stranger": 404, "admin": 404, "viewer": 403}.get(name)
    if expected:
        assert response.status_code == expected
        assert response.json()["error"]["message"]
        assert Message.objects.count() == 2
        assert Conversation.objects.current().filter(title="", is_pinned=False).exists()
    else:
        assert response.status_code in {200, 201}


@pytest.mark.parametrize("name", PEOPLE)
def test_who_may_start_one(world: World, model: HostedModel, name: str) -> None:
    response = client_of(world, name).post(f"/p/{world.project.pk}/conversations/new/")
    expected = {"stranger": 404, "admin": 404, "viewer": 403}.get(name, 302)
    assert response.status_code == expected
    created = Conversation.objects.filter(project=world.project)
    if name in {"owner", "editor"}:
        assert response.url == f"/c/{created.get().pk}/"
        assert created.get().hosted_model == model
        assert AuditEvent.objects.filter(action="conversation.created", target_id=created.get().pk).exists()
    else:
        assert not created.exists()


@pytest.mark.parametrize(
    "since", ["nothing", "a message", "a title", "a system prompt", "archived", "deleted", "pinned", "another model"]
)
def test_a_new_one_is_the_same_while_nobody_has_used_it(
    world: World, editor: Client, model: HostedModel, since: str
) -> None:
    def new(client: Client = editor) -> str:
        return str(client.post(f"/p/{world.project.pk}/conversations/new/").url)

    first = new()
    conversation = Conversation.objects.get()
    changes = {
        "a title": {"title": "Whales"},
        "a system prompt": {"system_prompt": "Be brief."},
        "archived": {"archived_at": timezone.now()},
        "deleted": {"deleted_at": timezone.now()},
        "pinned": {"is_pinned": True},
        "another model": {"hosted_model": None},
    }
    if since == "a message":
        asked(conversation, "Hello?")
    Conversation.objects.update(**changes.get(since, {}))
    other = make_conversation(world.project, world.owner, model)  # somebody else's, later
    assert (new() == first) == (since == "nothing")
    assert new(client_of(world, "owner")) == f"/c/{other.pk}/"
    if since == "nothing":
        assert Conversation.objects.get(pk=conversation.pk).updated_at > other.updated_at
        assert AuditEvent.objects.filter(action="conversation.created").count() == 1


def test_only_post_changes_anything(editor: Client, conversation: Conversation) -> None:
    for path in ("settings", "pin", "unpin", "archive", "unarchive", "delete", "restore", "tokens"):
        assert editor.get(f"/c/{conversation.pk}/{path}/").status_code == 405
    assert editor.get(f"/p/{conversation.project_id}/conversations/new/").status_code == 405


def test_writes_need_the_csrf_token(world: World, conversation: Conversation) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.editor)
    assert client.post(f"/c/{conversation.pk}/delete/").status_code == 403
    assert Conversation.objects.visible().exists()


def test_an_archived_project_is_for_reading(editor: Client, conversation: Conversation) -> None:
    Project.objects.update(archived_at=timezone.now())
    assert editor.get(f"/c/{conversation.pk}/").status_code == 200
    response = post(editor, f"/c/{conversation.pk}/settings/", {"title": "No"})
    assert response.status_code == 403
    assert "archived" in response.json()["error"]["message"]


@pytest.mark.parametrize("given", ["nope", "%00", "0" * 16, "é" * 16, "x" * 300])
def test_odd_ids_are_not_found(editor: Client, conversation: Conversation, given: str) -> None:
    assert editor.get(f"/c/{given}/").status_code == 404
    assert editor.get(f"/c/{given}/messages/").status_code == 404
    assert (
        post(editor, f"/c/{conversation.pk}/messages/{given}/regenerate/", {"client_id": "odd-000001"}).status_code
        == 404
    )
    assert editor.get(f"/c/{conversation.pk}/messages/?leaf={given}").status_code == 200


def test_settings(editor: Client, conversation: Conversation) -> None:
    listed_model("other")
    changes = {"title": "  A  title ", "system_prompt": "Be brief.", "model": "other", "params": {"temperature": 0.5}}
    response = post(editor, f"/c/{conversation.pk}/settings/", changes)
    assert response.status_code == 200
    data = response.json()["conversation"]
    assert (data["title"], data["system_prompt"], data["model"]) == ("A title", "Be brief.", "other")
    assert data["params"]["temperature"] == 0.5
    event = AuditEvent.objects.get(action="conversation.updated")
    assert event.details["fields"] == ["model", "params", "system_prompt", "title"]
    assert "Be brief" not in str(event.details) + event.target_label


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"title": ""}, 422, "empty"),
        ({"title": "x" * 121}, 413, "too_long"),
        ({"title": 7}, 422, "invalid"),
        ({"system_prompt": "\x00"}, 422, "binary"),
        ({"model": "unknown"}, 422, "unknown_model"),
        ({"model": "\ud800"}, 422, "unknown_model"),
        ({"model": "\x00"}, 422, "unknown_model"),
        ({"model": None}, 422, "unknown_model"),
        ({"model": {"a": 1}}, 422, "unknown_model"),
        ({"params": []}, 422, "invalid"),
        ({"params": {"temperature": 99}}, 422, "invalid"),
        ({"params": {"temperature": "hot"}}, 422, "invalid"),
        ({"project": "elsewhere"}, 422, "invalid"),
        ({"is_pinned": True}, 422, "invalid"),
    ],
)
def test_wrong_settings_change_nothing(
    editor: Client, conversation: Conversation, changes: dict[str, object], status: int, code: str
) -> None:
    response = post(editor, f"/c/{conversation.pk}/settings/", {"title": "Changed", **changes})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    conversation.refresh_from_db()
    assert (conversation.title, conversation.params) == ("", {})
    assert not AuditEvent.objects.filter(action="conversation.updated").exists()


def test_a_wrong_parameter_names_its_field(editor: Client, conversation: Conversation) -> None:
    error = post(editor, f"/c/{conversation.pk}/settings/", {"params": {"top_p": 7}}).json()["error"]
    assert error["field"] == "top_p"


def test_a_format_is_kept_beside_the_other_parameters(editor: Client, conversation: Conversation) -> None:
    chosen = {"output_format": "json_schema", "json_schema": '{\n  "type": "object"}', "regex": "[unfinished"}
    response = post(editor, f"/c/{conversation.pk}/settings/", {"params": {"top_p": 0.5, **chosen}})
    assert response.json()["conversation"]["params"] == {"top_p": 0.5, **chosen}
    error = post(editor, f"/c/{conversation.pk}/settings/", {"params": chosen | {"json_schema": "{"}}).json()["error"]
    assert (error["field"], "line 1, column 2" in error["message"]) == ("json_schema", True)
    conversation.refresh_from_db()
    assert conversation.params["json_schema"] == chosen["json_schema"]


def test_a_message_tells_its_format_and_so_does_a_prompt_made_of_it(editor: Client, conversation: Conversation) -> None:
    chosen = {"output_format": "regex", "regex": "yes|no"}
    Conversation.objects.filter(pk=conversation.pk).update(params=chosen)
    question, answer = send(editor, conversation, "Is it?").json()["messages"]
    assert answer["job"]["format"] == "regex"
    post(editor, f"/c/{conversation.pk}/messages/{question['id']}/prompt/", {"title": "Is it?"})
    assert PromptRevision.objects.get().params == chosen
    assert GenerationJob.objects.get().params.items() >= chosen.items()


def test_pin_and_archive_by_form(editor: Client, conversation: Conversation) -> None:
    response = editor.post(f"/c/{conversation.pk}/pin/")
    assert (response.status_code, response.url) == (302, f"/c/{conversation.pk}/")
    editor.post(f"/c/{conversation.pk}/archive/")
    conversation.refresh_from_db()
    assert conversation.is_pinned
    assert conversation.archived_at
    editor.post(f"/c/{conversation.pk}/unarchive/")
    editor.post(f"/c/{conversation.pk}/unpin/")
    conversation.refresh_from_db()
    assert not conversation.is_pinned
    assert not conversation.archived_at
    actions = AuditEvent.objects.filter(target_id=conversation.pk).values_list("action", flat=True)
    assert sorted(actions) == ["conversation.archived", "conversation.unarchived"]


def test_delete_undo_and_erase(editor: Client, answer: Message) -> None:
    url = f"/c/{answer.conversation_id}"
    response = editor.post(f"{url}/delete/")
    assert response.url == f"/p/{answer.conversation.project_id}/conversations/"
    assert editor.get(f"{url}/").status_code == 404
    assert post(editor, f"{url}/delete/", {}).status_code == 404
    assert post(editor, f"{url}/restore/", {}).status_code == 200
    assert editor.get(f"{url}/").status_code == 200
    assert post(editor, f"{url}/restore/", {}).status_code == 404
    post(editor, f"{url}/delete/", {})
    assert purge_overdue() == 0
    Conversation.objects.update(deleted_at=timezone.now() - timedelta(days=8))
    call_command("purge_conversations")
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    job = GenerationJob.objects.get()
    assert (job.output, job.messages, job.prompt_ids) == ("", [], [])
    assert AuditEvent.objects.filter(action="conversation.purged").count() == 1


def test_deleting_stops_what_is_still_generated(editor: Client, conversation: Conversation) -> None:
    answered(asked(conversation, "Question?"), "", State.RUNNING)
    post(editor, f"/c/{conversation.pk}/delete/", {})
    job = GenerationJob.objects.get()
    assert job.cancel_requested_at or job.state == State.CANCELLED


def test_the_page_has_all_it_starts_from(editor: Client, answer: Message, world: World) -> None:
    response = editor.get(f"/c/{answer.conversation_id}/")
    state = response.context["state"]
    assert {"conversation", "messages", "leaf", "role", "user", "models", "parameters", "limits", "urls"} <= set(state)
    assert [message["text"] for message in state["messages"]] == ["Question?", "Answer."]
    assert (state["role"], state["leaf"]) == ("editor", answer.pk)
    assert state["models"][0]["reading"] == "2,048 tokens"
    assert {"name", "minimum", "maximum", "default"} <= set(state["parameters"][0])
    assert b'id="state"' in response.content


def test_the_list(editor: Client, world: World, model: HostedModel) -> None:
    for title in ("First", "Second", "Archived", "Deleted"):
        made = make_conversation(world.project, world.editor, model, title)
        asked(made, f"about {title}")
    Conversation.objects.filter(title="Archived").update(archived_at=timezone.now())
    Conversation.objects.filter(title="Deleted").update(deleted_at=timezone.now())

    def titles(query: str) -> set[str]:
        response = editor.get(f"/p/{world.project.pk}/conversations/{query}")
        return {conversation.title for conversation in response.context["page"]}

    assert titles("") == {"First", "Second"}
    assert titles("?archived=1") == {"Archived"}
    assert titles("?deleted=1") == {"Deleted"}
    assert titles("?q=about") == {"First", "Second"}
    assert titles("?q=secnd") == {"Second"}
    assert titles("?q=%00&page=99&archived=") == {"First", "Second"}


def test_the_sidebar(world: World, model: HostedModel, django_assert_num_queries: object) -> None:
    old = make_conversation(world.project, world.editor, model, "Pinned")
    Conversation.objects.update(is_pinned=True, updated_at="2020-01-01T00:00Z")
    for number in range(35):
        answered(asked(make_conversation(world.project, world.editor, model, f"C{number}"), "?"), "", State.RUNNING)
    with django_assert_num_queries(1):  # type: ignore[operator]
        shown = recent_conversations(world.project)
        assert [str(conversation) for conversation in shown][:2] == ["Pinned", "C34"]
    assert len(shown) == 30
    assert shown[0].pk == old.pk
    assert [conversation.has_running for conversation in shown][:2] == [False, True]


@pytest.mark.parametrize("url", [*READS, "/p/{pid}/conversations/?q=x"])
def test_queries_do_not_grow_with_messages(editor: Client, world: World, model: HostedModel, url: str) -> None:
    conversation = make_conversation(world.project, world.editor, model, "x")

    def grow(number: int) -> None:
        leaf = None
        for _ in range(number):
            leaf = answered(asked(conversation, "?", leaf), "!")
        for _ in range(number):
            make_conversation(world.project, world.editor, model, "x")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert editor.get(url.format(cid=conversation.pk, pid=world.project.pk)).status_code == 200
        return len(captured)

    grow(2)
    queries()
    few = queries()
    grow(25)
    assert queries() == few


def test_the_export_holds_own_texts_only(world: World, conversation: Conversation) -> None:
    answered(asked(conversation, "Mine?", user=world.editor), "Yours.")
    answered(asked(conversation, "Another's?", user=world.owner), "Theirs.")
    assert [row["text"] for row in own_messages(world.editor)] == ["Mine?", "Yours."]


def test_the_export_says_which_format_an_answer_was_held_to(world: World, conversation: Conversation) -> None:
    answer = answered(asked(conversation, "Mine?", user=world.editor), "{}")
    assert answer.job
    answer.job.params = {"output_format": "json"}
    answer.job.save()
    assert [row["format"] for row in own_messages(world.editor)] == ["", "JSON"]


def test_a_word_that_can_not_be_weighed_is_refused_when_it_is_set(editor: Client, conversation: Conversation) -> None:
    def change(**words: float) -> HttpResponse:
        return post(editor, f"/c/{conversation.pk}/settings/", {"params": {"word_bias": words}})

    refused = change(the=5, incontrovertible=-100).json()["error"]
    assert refused["field"] == "word_bias"
    assert "“incontrovertible” is written as" in refused["message"]
    assert change(the=5).json()["conversation"]["params"] == {"word_bias": {"the": 5}}
    assert change().json()["conversation"]["params"] == {}
