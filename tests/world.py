"""One world of people for every test: an owner, an editor and a viewer of one project, a stranger and an admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.accounts.models import User
from apps.projects.models import Membership, Project, Role

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class World:
    owner: User
    editor: User
    viewer: User
    stranger: User
    admin: User
    project: Project

    def person(self, name: str) -> User:
        """The person called `name`: owner, editor, viewer, stranger or admin."""
        user = getattr(self, name)
        assert isinstance(user, User)
        return user


def make_world() -> World:
    def person(name: str, **more: Any) -> User:
        user = User(email=f"{name}@example.org", display_name=name.title(), **more)
        user.set_password(PASSWORD)
        return user

    owner, editor, viewer, stranger = (person(name) for name in ("owner", "editor", "viewer", "stranger"))
    admin = person("admin", is_staff=True, is_superuser=True)
    User.objects.bulk_create([owner, editor, viewer, stranger, admin])
    project = Project.objects.create(name="Lighthouse")
    roles = ((owner, Role.OWNER), (editor, Role.EDITOR), (viewer, Role.VIEWER))
    Membership.objects.bulk_create(Membership(project=project, user=user, role=role) for user, role in roles)
    return World(owner, editor, viewer, stranger, admin, project)
