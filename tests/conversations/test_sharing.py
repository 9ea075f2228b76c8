"""Sharing chosen messages as a snapshot, reading it without an account, and going on with it elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.conversations.actions.lifecycle import delete_conversation
from apps.conversations.models import Conversation, Message, SharedConversation
from apps.generations.models import GenerationJob, State
from apps.governance.models import Grant
from apps.moderation.limits import LIMITS, Limit
from apps.moderation.models import Case
from apps.projects.models import Membership, Project, Role
from tests.conversations.build import answered, asked, make_conversation, post, send
from tests.world import World


@pytest.fixture
def path(conversation: Conversation) -> list[Message]:
    """Four messages: two prompts with their answers."""
    first = asked(conversation, "What is a tide?")
    answer = answered(first, "The sea, **moved**.")
    second = asked(conversation, "And <b>spring</b> tides?", answer)
    return [first, answer, second, answered(second, "Larger ones.")]


def share(client: Client, conversation: Conversation, messages: list[Message], **more: Any) -> Any:
    data = {"messages": [each.pk for each in messages], **more}
    return post(client, f"/c/{conversation.pk}/share/", data)


def link_of(response: Any) -> str:
    assert response.status_code == 201, response.content
    return str(response.json()["url"]).split("://", 1)[1].partition("/")[2].join(["/", ""])


@pytest.fixture
def link(editor: Client, conversation: Conversation, path: list[Message]) -> str:
    return link_of(share(editor, conversation, path[:2]))


def test_anybody_reads_the_chosen_messages_and_no_others(client: Client, link: str) -> None:
    page = client.get(link)
    assert page.status_code == 200
    text = page.content.decode()
    assert "What is a tide?" in text
    assert "The sea, **moved**." in text
    assert "Larger ones." not in text
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert page["Cache-Control"] == "no-store"
    assert '<meta name="robots" content="noindex, nofollow">' in text


def test_what_was_written_is_never_markup(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    GenerationJob.objects.filter(message=path[3]).update(output="</div><script>alert(1)</script>")
    page = Client().get(link_of(share(editor, conversation, path))).content.decode()
    assert "<b>spring</b>" not in page
    assert "<script>alert" not in page
    assert "&lt;/div&gt;&lt;script&gt;alert(1)" in page


def test_an_answer_in_a_format_shows_so(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    GenerationJob.objects.filter(message=path[1]).update(output='{"a":1}', params={"output_format": "json_schema"})
    page = Client().get(link_of(share(editor, conversation, path))).content.decode()
    assert page.count('<span class="badge">JSON schema</span>') == 1
    assert page.count('data-format="json_schema"') == 1
    assert "{&quot;a&quot;:1}" in page


def test_later_changes_don_t_reach_the_copy(client: Client, link: str, path: list[Message]) -> None:
    GenerationJob.objects.filter(message=path[1]).update(output="Something else.")
    Message.objects.filter(pk=path[0].pk).update(text="Something else?")
    assert b"What is a tide?" in client.get(link).content


def test_the_database_keeps_the_copy_as_it_is(link: str) -> None:
    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
        SharedConversation.objects.update(messages=[])


def test_the_system_prompt_is_only_there_when_asked_for(
    editor: Client, client: Client, conversation: Conversation, path: list[Message]
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(system_prompt="Be a sailor.")
    assert b"sailor" not in client.get(link_of(share(editor, conversation, path))).content
    assert b"sailor" in client.get(link_of(share(editor, conversation, path, system_prompt=True))).content


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, 422),
        ({"messages": []}, 422),
        ({"messages": "all"}, 422),
        ({"messages": [1]}, 422),
        ({"messages": ["nosuchmessage000"]}, 422),
        ({"messages": ["x"] * 501}, 422),
        ({"messages": ["nosuchmessage000"], "days": "9999"}, 422),
        ({"messages": ["nosuchmessage000"], "days": 7}, 422),
    ],
)
def test_what_can_t_be_shared(editor: Client, conversation: Conversation, data: dict[str, Any], status: int) -> None:
    assert post(editor, f"/c/{conversation.pk}/share/", data).status_code == status
    assert not SharedConversation.objects.exists()


def test_messages_of_another_conversation_or_branch_are_refused(
    world: World, editor: Client, conversation: Conversation, path: list[Message], model: HostedModel
) -> None:
    other = asked(make_conversation(world.project, world.editor, model), "Elsewhere")
    assert share(editor, conversation, [path[0], other]).json()["error"]["code"] == "not_found"
    branch = asked(conversation, "Another question?", path[1])
    assert share(editor, conversation, [path[2], branch]).json()["error"]["code"] == "branches"


def test_an_unfinished_answer_is_refused(editor: Client, conversation: Conversation, path: list[Message]) -> None:
    running = answered(path[2], "Lar", State.RUNNING)
    assert share(editor, conversation, [path[2], running]).json()["error"]["code"] == "running"


def test_a_revoked_link_and_a_deleted_conversation_show_nothing(
    world: World, editor: Client, client: Client, conversation: Conversation, path: list[Message], link: str
) -> None:
    other = link_of(share(editor, conversation, path))
    pk = world.editor.share_links.get(label=str(conversation), target_id=_shared_by(client, link)).pk
    assert editor.post(f"/me/links/{pk}/revoke/").status_code == 302
    assert client.get(link).status_code == 404
    assert client.get(other).status_code == 200
    delete_conversation(actor=world.editor, conversation=conversation)
    assert client.get(other).status_code == 404


def _shared_by(client: Client, link: str) -> str:
    return str(client.get(link).context["shared"].pk)


def test_what_a_moderator_hid_is_only_there_for_its_author(
    world: World, editor: Client, client: Client, link: str
) -> None:
    shared = SharedConversation.objects.get()
    assert editor.get(f"/shared/copies/{shared.pk}/").status_code == 200
    client.force_login(world.admin)
    assert client.get(f"/shared/copies/{shared.pk}/").status_code == 404
    Case.objects.create(kind="shared_conversation", thing_id=shared.pk, hidden_at=timezone.now())
    assert Client().get(link).status_code == 404
    assert b"A moderator has hidden this" in editor.get(f"/shared/copies/{shared.pk}/").content
    assert client.get(f"/shared/copies/{shared.pk}/").status_code == 200
    assert AuditEvent.objects.get(action="conversation.copy_read").actor_id == world.admin.pk


@pytest.fixture
def harbour(world: World) -> Project:
    """A project of the stranger's own."""
    project = Project.objects.create(name="Harbour")
    Membership.objects.create(project=project, user=world.stranger, role=Role.EDITOR)
    return project


def go_on(client: Client, link: str, project: Project, model: HostedModel) -> Any:
    return client.post(f"{link}continue/", {"project": project.pk, "model": model.pk})


def test_a_stranger_continues_in_their_own_project(
    world: World, client: Client, link: str, harbour: Project, model: HostedModel
) -> None:
    client.force_login(world.stranger)
    assert b"Harbour" in client.get(link).content
    started = Conversation.objects.get(pk=go_on(client, link, harbour, model).url.split("/")[2])
    assert (started.project, started.created_by, started.hosted_model) == (harbour, world.stranger, model)
    path = client.get(f"/c/{started.pk}/messages/").json()["messages"]
    assert [(each["role"], each["text"]) for each in path] == [
        ("user", "What is a tide?"),
        ("assistant", "The sea, **moved**."),
    ]
    assert path[1]["parent"] == path[0]["id"]
    events = AuditEvent.objects.filter(action="conversation.continued", project_id=harbour.pk)
    assert events.get().target_id == started.pk


def test_only_with_a_model_that_they_may_use(
    world: World, client: Client, link: str, harbour: Project, model: HostedModel
) -> None:
    Grant.objects.all().delete()
    client.force_login(world.stranger)
    refusal = go_on(client, link, harbour, model)
    assert refusal.status_code == 403
    assert b"Ask for access" in refusal.content
    assert not Conversation.objects.filter(project=harbour).exists()
    assert AuditEvent.objects.filter(action="access.denied", actor_id=world.stranger.pk).exists()


def test_only_in_a_project_where_they_may_write(
    world: World, client: Client, link: str, harbour: Project, model: HostedModel
) -> None:
    client.force_login(world.stranger)
    assert go_on(client, link, world.project, model).status_code == 404
    Membership.objects.filter(project=harbour).update(role=Role.VIEWER)
    assert go_on(client, link, harbour, model).status_code == 403


def test_the_public_page_takes_few_queries(client: Client, link: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(link)
    assert len(queries) <= 5


def test_a_copy_that_ends_with_a_prompt_can_be_answered(
    editor: Client, client: Client, world: World, conversation: Conversation, path: list[Message], model: HostedModel,
    harbour: Project,
) -> None:  # fmt: skip
    only_prompts = link_of(share(editor, conversation, [path[0], path[2]]))
    client.force_login(world.stranger)
    cid = go_on(client, only_prompts, harbour, model).url.split("/")[2]
    messages = client.get(f"/c/{cid}/messages/").json()["messages"]
    assert [each["role"] for each in messages] == ["user", "user", "assistant"]
    again = post(client, f"/c/{cid}/messages/{messages[-1]['id']}/regenerate/", {"client_id": "answer-it"})
    assert again.status_code == 201
    job = GenerationJob.objects.get(project=harbour)
    assert [each["role"] for each in job.messages] == ["user"]
    assert "spring" in job.messages[0]["content"]


def test_one_goes_on_behind_what_was_shared(
    client: Client, world: World, link: str, model: HostedModel, harbour: Project
) -> None:
    client.force_login(world.stranger)
    started = Conversation.objects.get(pk=go_on(client, link, harbour, model).url.split("/")[2])
    sent = send(client, started, "And why?", parent=started.active_leaf_id)
    assert sent.status_code == 201, sent.content
    job = GenerationJob.objects.get(project=harbour)
    assert [each["content"] for each in job.messages] == ["What is a tide?", "The sea, **moved**.", "And why?"]


def test_new_accounts_share_only_so_often(
    editor: Client, conversation: Conversation, path: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "share.create", Limit(1, 1, 1, "shared links"))
    assert share(editor, conversation, path).status_code == 201
    refusal = share(editor, conversation, path)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (429, "too_many")
    assert SharedConversation.objects.count() == 1
