"""What must hold before somebody may use a model, one condition after another. They look only at the case; a fact that
names whom a grant is for looks that up when it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.utils.functional import lazy

from apps.catalog.models import USABLE_STATES, ModelState
from apps.governance.facts import Case
from apps.governance.limits import LIMITS, broken_limit
from apps.governance.models import Grant, KillSwitch
from apps.projects.access import archived
from apps.projects.models import Role

ACTIONS = ("generate",)


class Outcome(NamedTuple):
    """`fact` says how it is, about anybody; `reason` says to the person why not and what to do, and is "" where the
    condition holds. `code` is for programs and never changes its meaning."""

    fact: str
    code: str = ""
    reason: str = ""

    @property
    def holds(self) -> bool:
        return not self.code


def known_action(case: Case) -> Outcome:
    action = case.question.action
    if action not in ACTIONS:
        reason = f"“{action}” is not something that can be done with a model."
        return Outcome("This can't be done with a model.", "unknown_action", reason)
    return Outcome("Generating is something that can be granted.")


def active_account(case: Case) -> Outcome:
    if not case.question.actor.is_active:
        reason = "This account is deactivated. Ask an administrator to reactivate it."
        return Outcome("The account is deactivated.", "inactive", reason)
    return Outcome("The account is active.")


def role_in_project(case: Case) -> Outcome:
    project, role = case.question.project, case.role
    if role is None:
        reason = "You are not a member of this project. Ask one of its owners for an invitation."
        return Outcome(f"Not a member of {project}.", "not_member", reason)
    fact = f"Role in {project}: {role.label.lower()}."
    if role < Role.EDITOR:
        reason = f"Viewers of {project} can read but not ask. An owner of it can make you an editor."
        return Outcome(fact, "role", reason)
    return Outcome(fact)


def project_in_use(case: Case) -> Outcome:
    project = case.question.project
    if project is not None and project.archived_at:
        return Outcome(f"{project} is archived.", "archived", archived(project))
    return Outcome(f"{project} is not archived.")


def site_runs(case: Case) -> Outcome:
    return _not_stopped(case.site_switch, "Generation on this site", "site_stopped")


def model_enabled(case: Case) -> Outcome:
    model = case.question.model
    if not model.is_enabled:
        reason = f"{model} is switched off. Choose another model, or ask an administrator."
        return Outcome(f"{model} is switched off.", "model_disabled", reason)
    return Outcome(f"{model} is switched on.")


def model_installed(case: Case) -> Outcome:
    model = case.question.model
    if case.question.version_id is None:
        reason = f"{model} is not installed. Choose another model, or ask an administrator."
        return Outcome(f"{model} has no weights here.", "model_missing", reason)
    return Outcome(f"{model} is installed.")


def model_in_use(case: Case) -> Outcome:
    model = case.question.model
    fact = f"{model} is {ModelState(model.state).label.lower()}."
    if model.state in USABLE_STATES:
        return Outcome(fact)
    if model.state == ModelState.RETIRED:
        return Outcome(fact, "model_retired", f"{model} was retired. Choose another model.")
    reason = f"{model} is not approved for use yet. Choose another model, or ask who governs this site."
    return Outcome(fact, "model_proposed", reason)


def model_runs(case: Case) -> Outcome:
    return _not_stopped(case.model_switch, str(case.question.model), "model_stopped")


def granted(case: Case) -> Outcome:
    if case.grants:
        return Outcome(_granted_to(case.grants))
    if case.former is not None:
        return _no_longer(case, case.former)
    where = f" in {case.question.project}" if case.question.project else ""
    reason = f"You have no access to {case.question.model}{where}. Ask for it, or choose another model."
    return Outcome("No grant is for this person here.", "no_grant", reason)


def within_limits(case: Case) -> Outcome:
    params = case.question.params
    if not case.grants or best_grant(case.grants, params) is not None:
        return Outcome("The settings keep to the limits of the grant.")
    widest = best_grant(case.grants, {})
    assert widest is not None
    reason = f"{broken_limit(widest.max_params, params)} Lower the setting, or ask for wider access."
    return Outcome("The settings go beyond the limits of every grant.", "over_limit", reason)


def licence_accepted(case: Case) -> Outcome:
    model, licence = case.question.model, case.question.license_id
    if not case.accepted:
        reason = f"{model} comes under the licence {licence}. Read and accept it before you first use the model."
        return Outcome(f"The licence {licence} is to be accepted first.", "licence", reason)
    return Outcome(f"The licence {licence} was accepted." if model.is_gated else "No licence needs to be accepted.")


Condition = Callable[[Case], Outcome]
OF_THE_PROJECT: tuple[Condition, ...] = (role_in_project, project_in_use)
CONDITIONS: tuple[Condition, ...] = (
    known_action,
    active_account,
    *OF_THE_PROJECT,
    site_runs,
    model_enabled,
    model_installed,
    model_in_use,
    model_runs,
    granted,
    within_limits,
    licence_accepted,
)
"""In this order: the reason that a person reads is that of the first which doesn't hold."""
PERSONAL = tuple(condition for condition in CONDITIONS if condition not in OF_THE_PROJECT)
"""Those that say how somebody stands apart from any project."""


def best_grant(grants: tuple[Grant, ...], params: Mapping[str, Any]) -> Grant | None:
    """Of the grants that allow `params` the widest, of these the one that lasts longest; None where none does."""
    allowing = [grant for grant in grants if not broken_limit(grant.max_params, params)]
    return max(allowing, key=_width, default=None)


def _no_longer(case: Case, former: Grant) -> Outcome:
    """Somebody whose access has ended wonders why."""
    model = case.question.model
    if former.revoked_at is not None:
        reason = f"Your access to {model} was revoked. You can ask for it again."
        return Outcome(_ended(former, "was revoked"), "grant_revoked", reason)
    reason = f"Your access to {model} has expired. You can ask for it again."
    return Outcome(_ended(former, "has expired"), "grant_expired", reason)


def _labels(grants: tuple[Grant, ...]) -> str:
    return f"Granted to {' and to '.join(grant.subject_label for grant in grants)}."


def _end(former: Grant, what: str) -> str:
    return f"The grant to {former.subject_label} {what}."


# Lazy: a decision reads no fact, and whom a grant is for stands in other tables.
_granted_to, _ended = lazy(_labels, str), lazy(_end, str)


def _width(grant: Grant) -> tuple[tuple[float, ...], float, str]:
    limits = tuple(float(grant.max_params.get(name, float("inf"))) for name in LIMITS)
    return limits, grant.expires_at.timestamp() if grant.expires_at else float("inf"), grant.pk


def _not_stopped(switch: KillSwitch | None, what: str, code: str) -> Outcome:
    if switch is None:
        return Outcome(f"{what} is not stopped.")
    return Outcome(f"{what} is stopped: {switch.message}", code, f"{what} is stopped for now: {switch.message}")
