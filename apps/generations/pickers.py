"""The models that somebody chooses from, as governance tells them, with how soon each could begin."""

from __future__ import annotations

from apps.accounts.models import User
from apps.catalog.models import HostedModel, Modality
from apps.generations.readiness import ReadinessJson, readiness_json
from apps.governance import pickers
from apps.projects.models import Project


class Pick(pickers.Pick):
    readiness: ReadinessJson


def picks(user: User, project: Project, modality: Modality = Modality.TEXT) -> list[tuple[HostedModel, Pick]]:
    """All that is on show, in the order of the catalogue; two queries more than governance takes."""
    found = pickers.picks(user, project, modality)
    known = readiness_json(model for model, _ in found)
    return [(model, {**pick, "readiness": known[model.pk]}) for model, pick in found]
