"""The catalogue as one person finds it: what they may use, and how soon it could begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations.readiness import Readiness, readiness_of
from apps.governance.standings import Standing, standings


class Entry(NamedTuple):
    """`readiness` is None where nothing can be asked of it: without weights, not approved, or disabled."""

    standing: Standing
    readiness: Readiness | None

    @property
    def model(self) -> HostedModel:
        return self.standing.model


def entries(user: User, models: Sequence[HostedModel]) -> list[Entry]:
    """In the order of `models`; as many queries for all of them as for one."""
    known = readiness_of(models)
    return [Entry(standing, known.get(standing.model.pk)) for standing in standings(user, models)]
