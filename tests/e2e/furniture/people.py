"""People in groups and projects, and invitations that nobody has followed yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import Group
from django.utils import timezone

from apps.accounts.actions.groups import add_to_group, create_group
from apps.accounts.actions.invitations import invite_to_sign_up
from apps.accounts.actions.people import deactivate, set_role
from apps.accounts.models import User
from apps.projects.actions.invitations import invite
from apps.projects.models import Membership, Project, Role

NAMES = (
    "Grace Hopper", "Konrad Zuse", "Maria Gaetana Agnesi", "Srinivasa Ramanujan", "Emmy Noether",
    "Muḥammad ibn Mūsā al-Khwārizmī", "Katherine Johnson", "Tu Youyou", "Alan Turing", "Sofja Wassiljewna Kowalewskaja",
)  # fmt: skip
GROUPS = {"Editorial desk": 6, "Harbour pilots": 3, "Research and translation": 4, "Interns": 0}


@dataclass(frozen=True)
class People:
    """`member` is the person who looks at the pages, `project` theirs."""

    admin: User
    member: User
    others: list[User]
    groups: list[Group]
    project: Project


def settle(email: str) -> People:
    admin = User.objects.filter(is_superuser=True).order_by("date_joined")[0]
    member = User.objects.get(email=email)
    project = Membership.objects.select_related("project").filter(user=member, role=Role.OWNER)[0].project
    others = [_person(number, name) for number, name in enumerate(NAMES)]
    for person, role in zip(others, ("governor", "auditor", "moderator"), strict=False):
        set_role(actor=admin, person=person, role=role)
    deactivate(actor=admin, person=others[-2])
    for person, role_there in zip(others, (Role.EDITOR, Role.EDITOR, Role.VIEWER, Role.VIEWER), strict=False):
        Membership.objects.create(project=project, user=person, role=role_there)
    groups = [_group(admin, name, [member, *others][:size]) for name, size in GROUPS.items()]
    invite_to_sign_up(actor=admin, email="rosalind.franklin@crystallography.example.org", days=7)
    invite_to_sign_up(actor=admin, email="", days=1)
    invite(actor=member, project=project, email="hedy.lamarr@example.org", role=Role.EDITOR, days=7)
    invite(actor=member, project=project, email="", role=Role.VIEWER, days=30)
    return People(admin, member, others, groups, project)


def _person(number: int, name: str) -> User:
    """Without a password: nobody signs in as them, and hashing one takes a quarter of a second."""
    return User.objects.create_user(
        f"{name.split()[0].lower()}.{number}@example.org",
        display_name=name,
        date_joined=timezone.now() - timedelta(days=9 * number + 1),
    )


def _group(admin: User, name: str, members: list[User]) -> Group:
    group = create_group(actor=admin, name=name)
    for person in members:
        add_to_group(actor=admin, group=group, person=person)
    return group
