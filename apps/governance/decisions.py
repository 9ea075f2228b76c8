"""The one place that says who may do what with a model, and why. It denies unless every condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.projects.access import archived, role_of
from apps.projects.models import Project, Role

ACTIONS = ("generate",)


@dataclass(frozen=True)
class Decision:
    """`reason` is a sentence for the person; `code` is for programs and never changes its meaning."""

    allowed: bool
    reason: str
    code: str


def authorize(
    *, actor: User, action: str, model: HostedModel, project: Project, params: Mapping[str, Any] | None = None
) -> Decision:
    """Whether `actor` may do `action` with `model` in `project`. Reads the role anew; changes nothing."""
    if action not in ACTIONS:
        return _deny("unknown_action", f"“{action}” is not something that can be done with a model.")
    if not actor.is_active:
        return _deny("inactive", "This account is deactivated. Ask an administrator to reactivate it.")
    role = role_of(actor, project)
    if role is None:
        return _deny("not_member", "You are not a member of this project. Ask one of its owners for an invitation.")
    if role < Role.EDITOR:
        return _deny("role", f"Viewers of {project} can read but not ask. An owner of it can make you an editor.")
    if project.archived_at:
        return _deny("archived", archived(project))
    if not model.is_enabled:
        return _deny("model_disabled", f"{model} is switched off. Choose another model, or ask an administrator.")
    if model.default_version_id is None:
        return _deny("model_missing", f"{model} is not installed. Choose another model, or ask an administrator.")
    return Decision(True, f"You are {'an owner' if role == Role.OWNER else 'an editor'} of {project}.", "allowed")


def _deny(code: str, reason: str) -> Decision:
    return Decision(False, reason, code)
