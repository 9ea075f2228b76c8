"""The project that a person was in last, kept in their session: where the home page leads."""

from __future__ import annotations

from django.contrib.sessions.backends.base import SessionBase

from apps.accounts.models import User
from apps.projects.access import projects_of
from apps.projects.models import Project

SESSION_KEY = "recent_project"


def remember(session: SessionBase, project: Project) -> None:
    """Call this when a page of `project` is shown. Writes only when it is another than before."""
    if session.get(SESSION_KEY) != project.pk:
        session[SESSION_KEY] = project.pk


def recent_project(user: User, session: SessionBase) -> Project | None:
    """The project they were in last, or the only one they have; None where there is a choice to make."""
    return last_of(list(projects_of(user).filter(archived_at=None)), session)


def last_of(current: list[Project], session: SessionBase) -> Project | None:
    """As `recent_project`, of all that are theirs and not archived."""
    kept = next((project for project in current if project.pk == session.get(SESSION_KEY)), None)
    return kept or (current[0] if len(current) == 1 else None)
