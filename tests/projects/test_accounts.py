"""What an account's export, its deletion and its open sockets have to do with projects."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from apps.accounts.actions.profile import delete_account, export_account
from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.actions.invitations import invite
from apps.projects.actions.members import change_role, remove_member
from apps.projects.actions.projects import create_project, delete_project
from apps.projects.models import Membership, Project, Role
from tests.world import World


def test_the_export_lists_memberships_and_invitations_without_secrets(world: World) -> None:
    _, token = invite(actor=world.owner, project=world.project, email="a@example.org", role=Role.VIEWER, days=1)
    archive = zipfile.ZipFile(io.BytesIO(export_account(person=world.owner)))
    [membership] = json.loads(archive.read("projects.json"))
    assert (membership["name"], membership["role"]) == ("Lighthouse", "owner")
    [invitation] = json.loads(archive.read("project_invitations_sent.json"))
    assert invitation["email"] == "a@example.org"
    assert token not in str(invitation)
    assert "token_hash" not in invitation


def test_the_last_owner_of_a_shared_project_cannot_go(world: World) -> None:
    with pytest.raises(NotAllowed, match="last owner of Lighthouse"):
        delete_account(person=world.owner)
    assert User.objects.filter(pk=world.owner.pk).exists()
    change_role(actor=world.owner, project=world.project, person=world.editor, role=Role.OWNER)
    delete_account(person=world.owner)
    assert Membership.objects.filter(role=Role.OWNER).get().user == world.editor


def test_projects_of_nobody_else_go_with_the_account(world: World) -> None:
    create_project(actor=world.stranger, name="Diary")
    delete_account(person=world.stranger)
    assert list(Project.objects.all()) == [world.project]
    assert AuditEvent.objects.filter(action="project.deleted", target_label="Diary").exists()


def listen(person: User) -> str:
    layer = get_channel_layer()
    channel: str = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)(f"user.{person.pk}", channel)
    return channel


def heard(channel: str) -> object:
    return async_to_sync(get_channel_layer().receive)(channel)


@pytest.mark.parametrize("change", ["role", "removal", "deletion"])
def test_open_sockets_hear_of_lost_access(world: World, django_capture_on_commit_callbacks, change: str) -> None:
    channel = listen(world.viewer)
    with django_capture_on_commit_callbacks(execute=True):
        if change == "role":
            change_role(actor=world.owner, project=world.project, person=world.viewer, role=Role.EDITOR)
        elif change == "removal":
            remove_member(actor=world.owner, project=world.project, person=world.viewer)
        else:
            delete_project(actor=world.owner, project=world.project, typed_name="Lighthouse")
    assert heard(channel) == {"type": "access.changed"}
