"""Pictures of the studio in conversations: chosen, copied, asked about; and never another project's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.conversations.models import Attachment, Conversation
from apps.generations.artifact_actions import delete_artifacts, upload_artifact
from apps.generations.erasing import erase_pictures
from apps.generations.models import Artifact
from apps.generations.picture_store import path_of
from apps.projects.actions.projects import create_project
from apps.studio.models import Mask
from tests.conversations.build import make_conversation, post
from tests.engine.pictures.files import drawing, encoded
from tests.generations.pictures import hosted_painter
from tests.studio.build import painted
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"


@pytest.fixture
def seeing(db: None) -> HostedModel:
    """One that sees, as far as the catalogue knows."""
    model = hosted_painter("janus")
    assert model.default_version
    model.default_version.architecture = "JanusForConditionalGeneration"
    model.default_version.save()
    return model


@pytest.fixture
def boat(world: World) -> Artifact:
    return upload_artifact(actor=world.owner, project=world.project, data=encoded(drawing()))


@pytest.fixture
def talk(world: World, seeing: HostedModel) -> Conversation:
    return make_conversation(world.project, world.editor, seeing)


def attach(client: Client, picture: Artifact, talk: Conversation) -> Any:
    return post(client, f"/pictures/{picture.pk}/attach/", {"conversation": talk.pk})


def test_the_choices_are_those_of_the_gallery_and_can_be_searched(
    world: World, client: Client, boat: Artifact, painter: HostedModel
) -> None:
    client.force_login(world.viewer)
    apple = painted(world.project, world.editor, painter)
    Mask.objects.create(
        artifact=upload_artifact(actor=world.owner, project=world.project, data=encoded(drawing(20, 30)))
    )
    address = f"/p/{world.project.pk}/studio/choices/"
    found = client.get(address).json()
    assert [each["id"] for each in found["pictures"]] == [apple.pk, boat.pk]
    assert found["after"] == ""
    (only,) = client.get(f"{address}?q=apple").json()["pictures"]
    assert (only["words"], only["thumbnail"]) == ("a red apple", f"/artifacts/{apple.pk}/thumbnail/256.webp")


def test_a_copy_is_attached_that_outlives_the_picture(
    world: World, editor: Client, boat: Artifact, talk: Conversation
) -> None:
    answer = attach(editor, boat, talk)
    assert answer.status_code == 201
    attachment = Attachment.objects.get(pk=answer.json()["picture"]["id"])
    assert attachment.pk != boat.pk
    assert (attachment.artifact.user, attachment.sent_at) == (world.editor, None)
    assert attachment.artifact.sha256 == boat.sha256
    assert AuditEvent.objects.filter(action="conversation.picture_attached").count() == 1
    erase_pictures(Artifact.objects.filter(pk=boat.pk))
    assert path_of(attachment.pk).exists()


def test_only_a_picture_of_the_same_project_that_is_there(
    world: World, editor: Client, boat: Artifact, talk: Conversation, seeing: HostedModel
) -> None:
    elsewhere = create_project(actor=world.editor, name="Elsewhere")
    assert attach(editor, boat, make_conversation(elsewhere, world.editor, seeing)).status_code == 404
    mask = upload_artifact(actor=world.owner, project=world.project, data=encoded(drawing(20, 30)))
    Mask.objects.create(artifact=mask)
    assert attach(editor, mask, talk).status_code == 404
    assert post(editor, f"/pictures/{boat.pk}/attach/", {"conversation": 7}).status_code == 404
    path_of(boat.pk).unlink()
    lost = attach(editor, boat, talk)
    assert (lost.status_code, lost.json()["error"]["code"]) == (409, "picture_gone")
    delete_artifacts(actor=world.owner, project=world.project, artifacts=[boat])
    assert attach(editor, boat, talk).status_code == 404
    assert not Attachment.objects.exists()


def test_asking_begins_a_conversation_whose_composer_has_the_picture(
    world: World, editor: Client, boat: Artifact, seeing: HostedModel
) -> None:
    assert b"Ask about it" in editor.get(f"/pictures/{boat.pk}/").content
    answer = editor.post(f"/pictures/{boat.pk}/ask/")
    attachment = Attachment.objects.select_related("conversation").get()
    assert attachment.conversation.hosted_model == seeing
    assert answer.headers["Location"] == f"/c/{attachment.conversation_id}/?attach={attachment.pk}"
    page = editor.get(answer.headers["Location"])
    assert page.context["state"]["attach"]["id"] == attachment.pk
    assert editor.get(f"/c/{attachment.conversation_id}/?attach={boat.pk}").context["state"]["attach"] is None
    someone = Client()
    someone.force_login(world.owner)
    assert someone.get(answer.headers["Location"]).context["state"]["attach"] is None


def test_where_no_model_sees_it_is_said_and_nothing_begun(world: World, editor: Client, boat: Artifact) -> None:
    assert b"Ask about it" not in editor.get(f"/pictures/{boat.pk}/").content
    answer = editor.post(f"/pictures/{boat.pk}/ask/", follow=True)
    assert b"No model that you may use in this project sees pictures" in answer.content
    assert not Conversation.objects.exists()
