"""What happens when people do things at the very same time, on connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from apps.accounts.actions.profile import delete_account
from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.projects.actions.invitations import accept_invitation, invite
from apps.projects.actions.members import change_role, leave_project, remove_member
from apps.projects.invitations import InvitationRefused
from apps.projects.models import Membership, Project, Role
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return make_world()


def at_once(tries: list[Callable[[], object]]) -> list[object]:
    """Start all together; what each returned or raised."""
    start = Barrier(len(tries))

    def run(attempt: Callable[[], object]) -> object:
        start.wait(timeout=30)
        try:
            return attempt()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tries)) as pool:
        return list(pool.map(run, tries))


def test_an_invitation_raced_fifty_times_is_accepted_once(world: World) -> None:
    people = [User.objects.create_user(f"p{n}@example.org") for n in range(50)]
    invitation, _ = invite(actor=world.owner, project=world.project, email="", role=Role.EDITOR, days=1)
    results = at_once([lambda p=p: accept_invitation(actor=p, invitation=invitation) for p in people])
    joined = [result for result in results if isinstance(result, Membership)]
    refused = [result for result in results if isinstance(result, InvitationRefused)]
    assert len(joined) == 1
    assert [refusal.status for refusal in refused] == [410] * 49
    assert world.project.memberships.count() == 4


def test_the_same_person_joining_ten_times_is_one_member(world: World) -> None:
    invitation, _ = invite(actor=world.owner, project=world.project, email="", role=Role.EDITOR, days=1)
    results = at_once([lambda: accept_invitation(actor=world.stranger, invitation=invitation)] * 10)
    assert all(isinstance(result, Membership) for result in results), results
    assert Membership.objects.filter(user=world.stranger).count() == 1


def two_owners(world: World) -> None:
    change_role(actor=world.owner, project=world.project, person=world.editor, role=Role.OWNER)


RACES: dict[str, Callable[[World], list[Callable[[], object]]]] = {
    "leave": lambda w: [lambda p=p: leave_project(actor=p, project=w.project) for p in (w.owner, w.editor)],
    "remove each other": lambda w: [
        lambda p=p, q=q: remove_member(actor=p, project=w.project, person=q)
        for p, q in ((w.owner, w.editor), (w.editor, w.owner))
    ],
    "demote each other": lambda w: [
        lambda p=p, q=q: change_role(actor=p, project=w.project, person=q, role=Role.VIEWER)
        for p, q in ((w.owner, w.editor), (w.editor, w.owner))
    ],
    "delete their accounts": lambda w: [lambda p=p: delete_account(person=p) for p in (w.owner, w.editor)],
    "one leaves, one deletes": lambda w: [
        lambda: leave_project(actor=w.owner, project=w.project),
        lambda: delete_account(person=w.editor),
    ],
}


@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("turn", range(3))
def test_of_two_owners_one_stays(world: World, race: str, turn: int) -> None:
    two_owners(world)
    results = at_once(RACES[race](world))
    assert Membership.objects.filter(project=world.project, role=Role.OWNER).count() == 1, results
    assert sum(isinstance(result, Exception) for result in results) == 1, results


def test_without_the_lock_both_would_leave(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: each sees the other as the owner who stays."""
    two_owners(world)
    seen = Barrier(2)
    monkeypatch.setattr("apps.projects.members.Project.objects.select_for_update", lambda **_: Project.objects.all())
    monkeypatch.setattr("apps.projects.actions.members._revoke_invitations_by", lambda _: seen.wait(timeout=30))
    results = at_once([lambda p=p: leave_project(actor=p, project=world.project) for p in (world.owner, world.editor)])
    assert not any(isinstance(result, NotAllowed) for result in results)
    assert not Membership.objects.filter(project=world.project, role=Role.OWNER).exists()
