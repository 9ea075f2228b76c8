"""The models that somebody chooses from: also those that they may not use here, with the reason and a way on."""

from __future__ import annotations

from typing import TypedDict

from apps.accounts.models import User
from apps.catalog.models import HostedModel, Modality
from apps.governance.access import Choice, choices
from apps.governance.models import AccessRequest, RequestState
from apps.governance.remedies import Remedy, remedy
from apps.projects.models import Project


class Pick(TypedDict):
    """As pages read it. `reason` is "" and `remedy` None where the model may be used; `waiting`: they have asked."""

    id: str
    name: str
    allowed: bool
    reason: str
    remedy: Remedy | None
    waiting: bool


def picks(user: User, project: Project, modality: Modality = Modality.TEXT) -> list[tuple[HostedModel, Pick]]:
    """All that is on show, in the order of the catalogue; one query more than the decisions take."""
    found = choices(user, project, modality)
    asked = AccessRequest.objects.filter(user=user, state=RequestState.OPEN).values_list("hosted_model_id", flat=True)
    waiting = set(asked)
    return [(choice.model, _pick(choice, project, choice.model.pk in waiting)) for choice in found]


def _pick(choice: Choice, project: Project, waiting: bool) -> Pick:
    model, decision = choice
    return {
        "id": model.pk,
        "name": model.name,
        "allowed": decision.allowed,
        "reason": "" if decision.allowed else decision.reason,
        "remedy": None if decision.allowed else remedy(decision, model, project),
        "waiting": waiting and not decision.allowed,
    }
