"""One world of people for every test: an owner, an editor and a viewer of one project, a stranger and an admin."""

from __future__ import annotations

from dataclasses import dataclass

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
    def person(name: str) -> User:
        return User.objects.create_user(f"{name}@example.org", PASSWORD, display_name=name.title())

    owner, editor, viewer, stranger = (person(name) for name in ("owner", "editor", "viewer", "stranger"))
    admin = User.objects.create_superuser("admin@example.org", PASSWORD, display_name="Admin")
    project = Project.objects.create(name="Lighthouse")
    for user, role in ((owner, Role.OWNER), (editor, Role.EDITOR), (viewer, Role.VIEWER)):
        Membership.objects.create(project=project, user=user, role=role)
    return World(owner, editor, viewer, stranger, admin, project)
