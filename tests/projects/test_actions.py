"""What the actions change, what they refuse, and that each leaves its event."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.utils import timezone

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.audit.record import AuditUnavailable
from apps.catalog.models import HostedModel, ModelVersion
from apps.conversations.models import Conversation, Message
from apps.generations.models import GenerationJob
from apps.projects.access import role_of
from apps.projects.actions.invitations import accept_invitation, invite, revoke_invitation
from apps.projects.actions.members import change_role, leave_project, remove_member, transfer_ownership
from apps.projects.actions.projects import (
    archive_project,
    change_project,
    create_project,
    delete_project,
    unarchive_project,
)
from apps.projects.invitations import InvitationRefused
from apps.projects.models import Invitation, Membership, Project, Role
from tests.world import World


def events() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("id").values_list("action", "actor_label", "target_label"))


def invited(world: World, email: str = "", role: Role = Role.EDITOR) -> Invitation:
    return invite(actor=world.owner, project=world.project, email=email, role=role, days=7)[0]


def test_who_creates_a_project_owns_it(world: World) -> None:
    project = create_project(actor=world.stranger, name="Harbour")
    assert role_of(world.stranger, project) is Role.OWNER
    event = AuditEvent.objects.get()
    assert (event.action, event.target_label, event.project_id) == ("project.created", "Harbour", project.pk)


def test_a_change_is_recorded_once_and_nothing_is_no_change(world: World) -> None:
    change = {"actor": world.owner, "project": world.project, "name": "Beacon", "description": "Light"}
    assert change_project(**change)
    assert not change_project(**change)
    assert [event.details for event in AuditEvent.objects.all()] == [{"changed": ["name", "description"]}]


def test_archive_and_back(world: World) -> None:
    assert archive_project(actor=world.owner, project=world.project)
    assert not archive_project(actor=world.owner, project=world.project)
    with pytest.raises(PermissionDenied, match="archived"):
        change_project(actor=world.owner, project=world.project, name="New", description="")
    with pytest.raises(PermissionDenied, match="archived"):
        invited(world)
    assert unarchive_project(actor=world.owner, project=world.project)
    assert not unarchive_project(actor=world.owner, project=world.project)
    assert [action for action, _, _ in events()] == ["project.archived", "project.unarchived"]


@pytest.mark.parametrize("typed", ["", "lighthouse", "Lighthous"])
def test_deletion_needs_the_exact_name(world: World, typed: str) -> None:
    with pytest.raises(NotAllowed, match="Lighthouse"):
        delete_project(actor=world.owner, project=world.project, typed_name=typed)
    assert Project.objects.count() == 1
    assert not events()


def test_deletion_takes_everything_but_the_audit_log(world: World) -> None:
    invited(world)
    delete_project(actor=world.owner, project=world.project, typed_name="Lighthouse")
    assert not Project.objects.exists()
    assert not Invitation.objects.exists()
    assert events()[-1] == ("project.deleted", "owner@example.org", "Lighthouse")


@pytest.mark.parametrize("name", ["editor", "viewer"])
def test_only_owners_manage(world: World, name: str) -> None:
    actor, project = world.person(name), world.project
    tries = (
        lambda: change_project(actor=actor, project=project, name="x", description=""),
        lambda: archive_project(actor=actor, project=project),
        lambda: unarchive_project(actor=actor, project=project),
        lambda: delete_project(actor=actor, project=project, typed_name="Lighthouse"),
        lambda: change_role(actor=actor, project=project, person=actor, role=Role.OWNER),
        lambda: remove_member(actor=actor, project=project, person=world.owner),
        lambda: transfer_ownership(actor=actor, project=project, person=actor),
        lambda: invite(actor=actor, project=project, email="", role=Role.VIEWER, days=1),
        lambda: revoke_invitation(actor=actor, project=project, invitation_id="x"),
    )
    for attempt in tries:
        with pytest.raises(PermissionDenied, match="this needs an owner"):
            attempt()
    assert not events()


@pytest.mark.parametrize("name", ["stranger", "admin"])
def test_for_strangers_there_is_no_project(world: World, name: str) -> None:
    with pytest.raises(Http404):
        archive_project(actor=world.person(name), project=world.project)
    with pytest.raises(Http404):
        change_role(actor=world.person(name), project=world.project, person=world.viewer, role=Role.OWNER)


def test_a_role_changes(world: World) -> None:
    assert change_role(actor=world.owner, project=world.project, person=world.viewer, role=Role.EDITOR)
    assert not change_role(actor=world.owner, project=world.project, person=world.viewer, role=Role.EDITOR)
    assert role_of(world.viewer, world.project) is Role.EDITOR
    event = AuditEvent.objects.get()
    assert (event.target_label, event.details) == ("viewer@example.org", {"old": "viewer", "new": "editor"})


def test_the_last_owner_stays(world: World) -> None:
    for attempt in (
        lambda: leave_project(actor=world.owner, project=world.project),
        lambda: remove_member(actor=world.owner, project=world.project, person=world.owner),
        lambda: change_role(actor=world.owner, project=world.project, person=world.owner, role=Role.EDITOR),
    ):
        with pytest.raises(NotAllowed, match="You are the last owner of Lighthouse"):
            attempt()
    assert role_of(world.owner, world.project) is Role.OWNER
    assert not events()


def test_an_owner_who_cannot_sign_in_does_not_count(world: World) -> None:
    change_role(actor=world.owner, project=world.project, person=world.editor, role=Role.OWNER)
    User.objects.filter(pk=world.editor.pk).update(is_active=False)
    with pytest.raises(NotAllowed, match="last owner"):
        leave_project(actor=world.owner, project=world.project)


def test_with_a_second_owner_the_first_may_leave(world: World) -> None:
    change_role(actor=world.owner, project=world.project, person=world.editor, role=Role.OWNER)
    leave_project(actor=world.owner, project=world.project)
    assert role_of(world.owner, world.project) is None
    assert events()[-1][0] == "project.member.left"


def test_members_may_leave(world: World) -> None:
    leave_project(actor=world.viewer, project=world.project)
    assert role_of(world.viewer, world.project) is None


def test_handing_over(world: World) -> None:
    transfer_ownership(actor=world.owner, project=world.project, person=world.viewer)
    assert role_of(world.viewer, world.project) is Role.OWNER
    assert role_of(world.owner, world.project) is Role.EDITOR
    with pytest.raises(NotAllowed, match="already"):
        transfer_ownership(actor=world.viewer, project=world.project, person=world.viewer)
    with pytest.raises(NotAllowed, match="not a member"):
        transfer_ownership(actor=world.viewer, project=world.project, person=world.stranger)
    User.objects.filter(pk=world.editor.pk).update(is_active=False)
    with pytest.raises(NotAllowed, match="deactivated"):
        transfer_ownership(actor=world.viewer, project=world.project, person=world.editor)


def test_who_loses_the_right_to_invite_loses_their_open_invitations(world: World) -> None:
    change_role(actor=world.owner, project=world.project, person=world.editor, role=Role.OWNER)
    theirs, _ = invite(actor=world.editor, project=world.project, email="", role=Role.OWNER, days=7)
    own = invited(world)
    remove_member(actor=world.owner, project=world.project, person=world.editor)
    with pytest.raises(InvitationRefused, match="revoked"):
        accept_invitation(actor=world.editor, invitation=theirs)
    assert accept_invitation(actor=world.editor, invitation=own).role == Role.EDITOR


def test_joining_by_invitation(world: World) -> None:
    invitation = invited(world, "Stranger@Example.org", Role.VIEWER)
    assert accept_invitation(actor=world.stranger, invitation=invitation).role == Role.VIEWER
    invitation.refresh_from_db()
    assert invitation.accepted_by == world.stranger
    assert events()[-1] == ("project.invitation.accepted", "stranger@example.org", "stranger@example.org")


def test_a_member_who_follows_a_link_stays_as_they_are(world: World) -> None:
    invitation = invited(world, role=Role.OWNER)
    assert accept_invitation(actor=world.viewer, invitation=invitation).role == Role.VIEWER
    assert Invitation.objects.open().count() == 1


def test_only_the_hash_of_a_token_is_kept(world: World) -> None:
    invitation, token = invite(actor=world.owner, project=world.project, email="", role=Role.VIEWER, days=1)
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values())
    assert token not in str(list(AuditEvent.objects.values()))


def test_a_new_invitation_to_the_same_address_replaces_the_old(world: World) -> None:
    old, new = invited(world, "a@example.org"), invited(world, "A@example.org")
    assert list(Invitation.objects.open()) == [new]
    assert old != new


def test_members_are_not_invited_again(world: World) -> None:
    with pytest.raises(NotAllowed, match="Viewer is a member already, as viewer"):
        invited(world, "viewer@example.org")


def test_there_is_a_limit_of_open_invitations(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.projects.actions.invitations.MAX_OPEN", 2)
    first, _ = invited(world), invited(world)
    with pytest.raises(NotAllowed, match="2 invitations"):
        invited(world)
    assert revoke_invitation(actor=world.owner, project=world.project, invitation_id=first.pk)
    assert not revoke_invitation(actor=world.owner, project=world.project, invitation_id=first.pk)
    invited(world)


def _expire(invitation: Invitation, world: World) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def _revoke(invitation: Invitation, world: World) -> None:
    revoke_invitation(actor=world.owner, project=world.project, invitation_id=invitation.pk)


def _use(invitation: Invitation, world: World) -> None:
    accept_invitation(actor=world.admin, invitation=invitation)


def _archive(invitation: Invitation, world: World) -> None:
    archive_project(actor=world.owner, project=world.project)


def _deactivate_inviter(invitation: Invitation, world: World) -> None:
    User.objects.filter(pk=world.owner.pk).update(is_active=False)


ENDINGS = [
    (_expire, 410, "has expired"),
    (_revoke, 410, "was revoked"),
    (_use, 410, "has already been used"),
    (_archive, 403, "is archived"),
    (_deactivate_inviter, 410, "Owner has left"),
]


@pytest.mark.parametrize(("ending", "status", "sentence"), ENDINGS)
def test_why_an_invitation_is_refused(world: World, ending, status: int, sentence: str) -> None:
    invitation = invited(world)
    ending(invitation, world)
    with pytest.raises(InvitationRefused, match=sentence) as refusal:
        accept_invitation(actor=world.stranger, invitation=invitation)
    assert refusal.value.status == status
    assert role_of(world.stranger, world.project) is None


def test_an_invitation_for_another_address(world: World) -> None:
    with pytest.raises(InvitationRefused, match=r"for someone@example\.org") as refusal:
        accept_invitation(actor=world.stranger, invitation=invited(world, "someone@example.org"))
    assert refusal.value.status == 403


def test_an_invitation_deleted_meanwhile(world: World) -> None:
    invitation = invited(world)
    Invitation.objects.all().delete()
    with pytest.raises(Http404):
        accept_invitation(actor=world.stranger, invitation=invitation)


def test_no_audit_no_action(world: World) -> None:
    """With a log that takes nothing, nothing happens, whatever the action."""
    invitation, project = invited(world), world.project
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent ADD CONSTRAINT broken CHECK (false) NOT VALID")
    before = _rows()
    tries = (
        lambda: create_project(actor=world.owner, name="New"),
        lambda: change_project(actor=world.owner, project=project, name="x", description=""),
        lambda: archive_project(actor=world.owner, project=project),
        lambda: delete_project(actor=world.owner, project=project, typed_name="Lighthouse"),
        lambda: change_role(actor=world.owner, project=project, person=world.viewer, role=Role.OWNER),
        lambda: remove_member(actor=world.owner, project=project, person=world.viewer),
        lambda: leave_project(actor=world.viewer, project=project),
        lambda: transfer_ownership(actor=world.owner, project=project, person=world.viewer),
        lambda: invited(world),
        lambda: revoke_invitation(actor=world.owner, project=project, invitation_id=invitation.pk),
        lambda: accept_invitation(actor=world.stranger, invitation=invitation),
    )
    for attempt in tries:
        with pytest.raises(AuditUnavailable):
            attempt()
        assert _rows() == before


def _rows() -> list[list[object]]:
    return [list(model.objects.order_by("pk").values()) for model in (Project, Membership, Invitation)]


def test_deletion_takes_conversations_and_jobs_along(world: World) -> None:
    model = HostedModel.objects.create(id="m", name="M")
    version = ModelVersion.objects.create(hosted_model=model, digest="d" * 64, size_bytes=1, context_length=8)
    job = GenerationJob.objects.create(project=world.project, user=world.editor, model_version=version)
    conversation = Conversation.objects.create(project=world.project, created_by=world.editor)
    Message.objects.create(conversation=conversation, role="assistant", job=job)
    delete_project(actor=world.owner, project=world.project, typed_name="Lighthouse")
    assert not Conversation.objects.exists()
    assert not GenerationJob.objects.exists()
    assert ModelVersion.objects.exists()
