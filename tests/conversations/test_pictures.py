"""Pictures attached to messages: in, seen by those who may, read by the model, and gone with their conversation."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelVersion
from apps.conversations.actions.lifecycle import delete_conversation, purge_overdue, restore_conversation
from apps.conversations.export import own_messages
from apps.conversations.models import Attachment, Conversation, Message
from apps.generations.models import Artifact, GenerationJob, State
from apps.generations.own_rows import pictures as own_pictures
from apps.generations.picture_store import path_of
from apps.governance.access import choices
from apps.quotas.models import LedgerEntry
from tests.conversations.build import end, make_conversation, post, send
from tests.conversations.conftest import ClientOf
from tests.conversations.seeing import attach, upload
from tests.engine.janus.tiny import TOKENS
from tests.engine.pictures.files import drawing, encoded, opened
from tests.world import World

OTHER = encoded(drawing(80, 64))


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"
    return tmp_path / "artifacts"


def asked(
    client: Client, talk: Conversation, text: str = "What is this?", parent: str | None = None, **more: Any
) -> list[dict[str, Any]]:
    response = send(client, talk, text, parent, **more)
    assert response.status_code == 201, response.content
    messages: list[dict[str, Any]] = response.json()["messages"]
    return messages


def job_of(messages: list[dict[str, Any]]) -> GenerationJob:
    return GenerationJob.objects.get(message=messages[-1]["id"])


def test_a_janus_can_be_chosen_for_conversations_and_in_the_studio(world: World, janus: HostedModel) -> None:
    assert janus in [choice.model for choice in choices(world.editor, world.project)]
    assert janus in HostedModel.objects.that_see()


def test_a_picture_goes_with_a_message_to_the_model(editor: Client, talk: Conversation) -> None:
    first, second = attach(editor, talk), attach(editor, talk, OTHER, "a boat.png")
    assert (first["name"], first["width"], first["height"]) == ("cat.png", 64, 48)
    messages = asked(editor, talk, pictures=[second["id"], first["id"]])
    assert messages[0]["pictures"] == [second, first]
    job = job_of(messages)
    assert job.messages == [{"role": "user", "content": "What is this?", "pictures": [second["id"], first["id"]]}]
    assert job.prompt_tokens == len(job.prompt_ids) + 2 * (TOKENS + 1)
    assert not Attachment.objects.filter(sent_at=None).exists()
    assert editor.get(f"/c/{talk.pk}/messages/").json()["messages"][0]["pictures"] == [second, first]


def test_what_is_set_aside_counts_the_pictures(editor: Client, talk: Conversation) -> None:
    job = job_of(asked(editor, talk, pictures=[attach(editor, talk)["id"]]))
    reserved = LedgerEntry.objects.get(job_id=job.pk, kind="reserve")
    assert reserved.tokens == job.prompt_tokens + job.params["max_tokens"]


def test_tokens_are_counted_as_a_send_would(editor: Client, talk: Conversation) -> None:
    ids = [attach(editor, talk)["id"], attach(editor, talk, OTHER)["id"]]
    draft = {"text": "What is this?", "parent": None}
    counted = post(editor, f"/c/{talk.pk}/tokens/", draft | {"pictures": ids}).json()["tokens"]
    assert counted == job_of(asked(editor, talk, pictures=ids)).prompt_tokens
    assert counted - post(editor, f"/c/{talk.pk}/tokens/", draft).json()["tokens"] > 2 * TOKENS


def test_words_may_be_missing_and_then_the_picture_gives_the_title(editor: Client, talk: Conversation) -> None:
    asked(editor, talk, "", pictures=[attach(editor, talk, name="C:\\photos\\a  small cat.png")["id"]])
    talk.refresh_from_db()
    assert talk.title == "a small cat.png"
    assert post(editor, f"/c/{talk.pk}/messages/", {"text": " ", "client_id": "12345678"}).status_code == 422


def test_later_turns_edits_and_other_answers_keep_the_pictures(editor: Client, talk: Conversation) -> None:
    cat, boat = attach(editor, talk)["id"], attach(editor, talk, OTHER)["id"]
    question, answer = asked(editor, talk, pictures=[cat])
    end(answer["id"], "A cat.")
    later = job_of(asked(editor, talk, "And this?", answer["id"], pictures=[boat]))
    assert [message.get("pictures") for message in later.messages] == [[cat], None, [boat]]
    again = post(editor, f"/c/{talk.pk}/messages/{answer['id']}/regenerate/", {"client_id": "again-again"})
    assert job_of(again.json()["messages"]).messages[0]["pictures"] == [cat]
    edited = asked(editor, talk, "What is that?", question["parent"], pictures=[cat])
    assert (edited[0]["parent"], job_of(edited).messages[0]["pictures"]) == (None, [cat])


def test_prompts_side_by_side_become_one_with_all_pictures(editor: Client, talk: Conversation) -> None:
    cat, boat = attach(editor, talk)["id"], attach(editor, talk, OTHER)["id"]
    _, answer = asked(editor, talk, "", pictures=[cat])
    end(answer["id"], "", State.FAILED)
    job = job_of(asked(editor, talk, "Hm?", answer["id"], pictures=[boat]))
    assert job.messages == [{"role": "user", "content": "Hm?", "pictures": [cat, boat]}]


def test_a_model_that_reads_text_only_says_so(editor: Client, talk: Conversation, model: HostedModel) -> None:
    cat = attach(editor, talk)["id"]
    _, answer = asked(editor, talk, pictures=[cat])
    end(answer["id"], "A cat.")
    Conversation.objects.filter(pk=talk.pk).update(hosted_model=model)
    for refused in (
        send(editor, talk, "And now?", answer["id"]),
        send(editor, talk, "Look", pictures=[cat]),
        post(editor, f"/c/{talk.pk}/tokens/", {"text": "Look", "parent": answer["id"]}),
    ):
        assert refused.status_code == 422
        told = refused.json()["error"]
        assert told["code"] == "blind"
        assert "Listed reads text only" in told["message"]
        assert "Choose a model that sees: Janus" in told["message"]
    assert Message.objects.count() == 2
    asked(editor, talk, "Without pictures")


def test_other_servers_get_no_pictures(editor: Client, talk: Conversation, model: HostedModel) -> None:
    ModelVersion.objects.filter(hosted_model=model).update(source="upstream:elsewhere")
    Conversation.objects.filter(pk=talk.pk).update(hosted_model=model)
    assert send(editor, talk, "Look", pictures=[attach(editor, talk)["id"]]).json()["error"]["code"] == "blind"


@pytest.mark.parametrize(
    ("pictures", "code", "words"),
    [
        ("cat", "invalid", "list of ids"),
        ([{"id": 1}], "invalid", "list of ids"),
        (["../../etc/passwd"], "invalid", "list of ids"),
        (["0" * 16] * 5, "too_many_pictures", "up to 4 pictures"),
        (["0" * 16], "picture_gone", "Attach it once more"),
    ],
)
def test_what_is_no_picture_here_is_refused(
    editor: Client, talk: Conversation, pictures: Any, code: str, words: str
) -> None:
    error = send(editor, talk, "Look", pictures=pictures).json()["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert not Message.objects.exists()


def test_a_picture_of_another_conversation_is_not_there(editor: Client, talk: Conversation, janus: HostedModel) -> None:
    other = make_conversation(talk.project, talk.created_by, janus)
    cat = attach(editor, other)["id"]
    assert send(editor, talk, "Look", pictures=[cat]).json()["error"]["code"] == "picture_gone"
    assert editor.get(f"/c/{talk.pk}/pictures/{cat}.png").status_code == 404


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cat.svg", "SVG drawing"),
        (encoded(drawing(), "JPEG"), "cat.png", "it is a JPEG"),
        (encoded(drawing())[:200], "cat.png", "incomplete"),
    ],
)
def test_hostile_files_are_refused_in_words(
    editor: Client, talk: Conversation, store: Path, data: bytes, name: str, words: str
) -> None:
    refused = upload(editor, talk, data, name)
    assert refused.status_code == 422
    assert words in refused.json()["error"]["message"]
    assert not Artifact.objects.exists()
    assert not list(store.rglob("*.png"))


def test_only_pixels_are_kept_and_sent(editor: Client, talk: Conversation) -> None:
    picture = attach(editor, talk, encoded(drawing(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), "cat.jpg")
    found = editor.get(picture["url"])
    assert (found["Content-Type"], found["Cache-Control"]) == ("image/png", "private, no-cache")
    assert "exif" not in opened(found.content).info
    assert editor.get(picture["url"], headers={"if-none-match": found["ETag"]}).status_code == 304
    assert editor.get(picture["thumbnail"])["Content-Type"] == "image/webp"
    assert editor.get(picture["url"].replace(".png", ".svg")).status_code == 404


def test_those_who_may_read_along_see_it_and_nobody_else(
    editor: Client, talk: Conversation, client_of: ClientOf
) -> None:
    picture = attach(editor, talk)
    asked(editor, talk, pictures=[picture["id"]])
    expected = {"owner": 200, "viewer": 200, "stranger": 404, "admin": 404, "anonymous": 404}
    for name, status in expected.items():
        for address in (picture["url"], picture["thumbnail"]):
            assert client_of(name).get(address).status_code == status
    assert upload(client_of("viewer"), talk).status_code == 403
    assert upload(client_of("stranger"), talk).status_code == 404


def test_the_gallery_knows_nothing_of_it(editor: Client, talk: Conversation) -> None:
    """Reached through its conversation only, which decides who sees it and when it is gone."""
    aid = attach(editor, talk)["id"]
    for address in (f"/artifacts/{aid}.png", f"/artifacts/{aid}/download/", f"/pictures/{aid}/"):
        assert editor.get(address).status_code == 404
    assert post(editor, f"/artifacts/{aid}/delete/", {}).status_code == 404
    assert aid not in editor.get(f"/p/{talk.project_id}/studio/").content.decode()


def test_it_goes_into_the_bin_with_its_conversation_and_comes_back(
    editor: Client, talk: Conversation, world: World
) -> None:
    picture = attach(editor, talk)
    delete_conversation(actor=world.editor, conversation=talk)
    assert editor.get(picture["url"]).status_code == 404
    restore_conversation(actor=world.editor, conversation=talk)
    assert editor.get(picture["url"]).status_code == 200


def test_it_is_erased_with_its_conversation(
    editor: Client,
    talk: Conversation,
    world: World,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    picture = attach(editor, talk)
    job = job_of(asked(editor, talk, pictures=[picture["id"]]))
    unsent = attach(editor, talk, OTHER)
    Conversation.objects.filter(pk=talk.pk).update(deleted_at=timezone.now() - timedelta(days=400))
    with django_capture_on_commit_callbacks(execute=True):
        assert purge_overdue() == 1
    job.refresh_from_db()
    assert job.messages == []
    assert not Artifact.objects.exists()
    assert not path_of(picture["id"]).exists()
    assert not path_of(unsent["id"]).exists()


def test_an_archived_project_takes_none(editor: Client, talk: Conversation) -> None:
    talk.project.archived_at = timezone.now()
    talk.project.save()
    assert upload(editor, talk).status_code == 403


def test_a_person_s_export_tells_of_them(editor: Client, talk: Conversation, world: World) -> None:
    picture = attach(editor, talk)
    asked(editor, talk, pictures=[picture["id"]])
    question = own_messages(world.editor)[0]
    assert question["pictures"] == [{name: picture[name] for name in ("id", "name", "width", "height")}]
    assert [(row["id"], row["origin"]) for row in own_pictures(world.editor)] == [(picture["id"], "attached")]


def test_the_record_holds_ids_only(editor: Client, talk: Conversation) -> None:
    asked(editor, talk, "A secret", pictures=[attach(editor, talk, name="secret cat.png")["id"]])
    told = json.dumps(list(AuditEvent.objects.values_list("action", "details")))
    assert "artifact.uploaded" in told
    assert "secret" not in told.lower()
