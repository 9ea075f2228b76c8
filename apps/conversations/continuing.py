"""Where somebody may go on with a shared conversation: in which of their projects, with which model."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.sessions.backends.base import SessionBase

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.conversations.inputs import refused
from apps.conversations.models import SharedConversation
from apps.generations.readiness import Readiness, readiness_of
from apps.governance.access import Choice, choices
from apps.projects.access import get_project_for, writable_projects_of
from apps.projects.models import Project, Role
from apps.projects.recent import recent_project

NO_PROJECT = "To continue this you need a project in which you are an editor. Make one, or ask an owner of yours."
NO_MODEL = "There is no such model to choose just now."


class Destination(NamedTuple):
    project: Project
    choice: Choice


def proposed(user: User, session: SessionBase, shared: SharedConversation) -> tuple[list[Project], Destination | None]:
    """The projects to choose from, and what is proposed: the project one was in last and the model it was made with,
    or one that this person may use there."""
    projects = writable_projects_of(user)
    recent = recent_project(user, session)
    project = recent if recent in projects else next(iter(projects), None)
    choice = _first_choice(choices(user, project), shared) if project else None
    return projects, Destination(project, choice) if project and choice else None


def destination(user: User, project_id: str, model_id: str) -> Destination:
    """What was chosen, with the decision about it. Raises Refused without a choice, Http404 and PermissionDenied where
    the project is not theirs to write in."""
    if not project_id:
        raise refused("no_project", NO_PROJECT, status=409)
    project = get_project_for(user, project_id, Role.EDITOR, writable=True)
    found = [choice for choice in choices(user, project) if choice.model.pk == model_id]
    if not found:
        raise refused("no_model", NO_MODEL, status=409)
    return Destination(project, found[0])


def models_on_show() -> list[tuple[HostedModel, Readiness]]:
    models = list(HostedModel.objects.that_write().select_related("default_version"))
    known = readiness_of(models)
    return [(model, known[model.pk]) for model in models]


def _first_choice(found: list[Choice], shared: SharedConversation) -> Choice | None:
    made_with = [choice for choice in found if choice.model.pk == shared.hosted_model_id]
    allowed = [choice for choice in found if choice.decision.allowed]
    return next(
        iter([*(choice for choice in made_with if choice.decision.allowed), *allowed, *made_with, *found]), None
    )
