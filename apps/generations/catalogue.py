"""The catalogue as one person finds it: what each model does, whether they may use it, how soon it could begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from apps.accounts.models import User
from apps.catalog.chat import takes_tools
from apps.catalog.licences import CLASSES, class_of
from apps.catalog.models import HostedModel, Modality
from apps.generations.readiness import Readiness, Stage, readiness_of
from apps.governance.standings import Standing, standings
from apps.lib.http import search_text
from engine.answers.formats import FORMATS, PLAIN

DOES = {
    "writes": "Writes",
    "draws": "Draws",
    "sees": "Sees pictures",
    "tools": "Calls tools",
    "reasons": "Thinks before it answers",
}
GB = 1_000_000_000
SIZES: Mapping[str, tuple[str, float, float]] = {
    "small": ("Up to 1 GB", 0, GB),
    "medium": ("1 to 8 GB", GB, 8 * GB),
    "large": ("8 to 40 GB", 8 * GB, 40 * GB),
    "huge": ("Over 40 GB", 40 * GB, float("inf")),
}
"""Above the first number of bytes, up to the second."""


@dataclass(frozen=True)
class Entry:
    """`readiness` is None where nothing can be asked of it: without weights, not approved, or disabled."""

    standing: Standing
    readiness: Readiness | None

    @property
    def model(self) -> HostedModel:
        return self.standing.model

    @cached_property
    def does(self) -> frozenset[str]:
        """Keys of DOES."""
        model, version = self.model, self.model.default_version
        facts = {"writes": model.writes, "draws": model.modality == Modality.IMAGE, "sees": model.sees}
        if version is not None and model.writes:
            facts["tools"] = takes_tools(version)
            facts["reasons"] = bool(FORMATS.get(version.answer_format, FORMATS[PLAIN]).before_answer)
        return frozenset(name for name, holds in facts.items() if holds)

    @property
    def is_usable(self) -> bool:
        return self.standing.decision.allowed or bool(self.standing.projects)


class Facet(NamedTuple):
    """One thing to narrow by. `options` are values with their labels; `holds` says whether an entry has a value."""

    name: str
    label: str
    options: Mapping[str, str]
    holds: Callable[[Entry, str], bool]


class Option(NamedTuple):
    value: str
    label: str
    number: int
    """Entries that would be shown with it, the other choices as they are."""
    is_chosen: bool


def _is_for(entry: Entry, use: str) -> bool:
    if use == "ask":
        return entry.standing.may_ask and not entry.is_usable
    return entry.standing.decision.code == "licence" if use == "licence" else entry.is_usable


def _has_size(entry: Entry, size: str) -> bool:
    version = entry.model.default_version
    if version is None or version.is_upstream:
        return size == "elsewhere" and version is not None
    _, above, most = SIZES.get(size, ("", 0, 0))
    return above < version.size_bytes <= most


def _has_licence(entry: Entry, kind: str) -> bool:
    version = entry.model.default_version
    return version is not None and class_of(version.license_id) == kind


def _is_at(entry: Entry, stage: str) -> bool:
    return entry.readiness is not None and entry.readiness.stage == stage


FACETS = (
    Facet("does", "Skill", DOES, lambda entry, value: value in entry.does),
    Facet(
        "use",
        "For you",
        {"mine": "You may use it", "ask": "To be asked for", "licence": "Licence to be accepted"},
        _is_for,
    ),
    Facet(
        "now",
        "Now",
        {Stage.READY: "Ready", Stage.COLD: "To be loaded", Stage.UNSERVED: "Served by nobody"},
        _is_at,
    ),
    Facet("licence", "Licence", CLASSES, _has_licence),
    Facet(
        "size",
        "Size",
        {name: label for name, (label, *_) in SIZES.items()} | {"elsewhere": "On another server"},
        _has_size,
    ),
)


@dataclass(frozen=True)
class Choice:
    """What somebody looks for, as the address of the page says it."""

    query: str
    values: Mapping[str, str]
    """By name of the facet; those that are narrowed by."""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> Choice:
        """What makes no sense is left out."""
        asked = {facet.name: sent.get(facet.name, "") for facet in FACETS}
        values = {facet.name: asked[facet.name] for facet in FACETS if asked[facet.name] in facet.options}
        return cls(search_text(sent), values)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query or self.values)

    def shown(self, entries: Sequence[Entry], *, but: str = "") -> list[Entry]:
        """Those that have all of it; `but`: a facet that doesn't count."""
        facets = [facet for facet in FACETS if facet.name in self.values and facet.name != but]
        return [
            entry
            for entry in entries
            if self._is_named(entry.model) and all(facet.holds(entry, self.values[facet.name]) for facet in facets)
        ]

    def facets(self, entries: Sequence[Entry]) -> list[tuple[Facet, list[Option]]]:
        """With what there is of each; a value that no entry has isn't offered, nor a facet without any."""
        found = [(facet, self._options(facet, entries)) for facet in FACETS]
        return [(facet, options) for facet, options in found if options]

    def _options(self, facet: Facet, entries: Sequence[Entry]) -> list[Option]:
        others, chosen = self.shown(entries, but=facet.name), self.values.get(facet.name)
        return [
            Option(value, label, sum(facet.holds(entry, value) for entry in others), value == chosen)
            for value, label in facet.options.items()
            if value == chosen or any(facet.holds(entry, value) for entry in entries)
        ]

    def _is_named(self, model: HostedModel) -> bool:
        """Each word of the query stands in its name, its id or what it is said to be good for."""
        told = f"{model.name} {model.pk} {model.description}".casefold()
        return all(word in told for word in self.query.casefold().split())


def entries_for(user: User) -> list[Entry]:
    """All that `user` sees, in the order of the catalogue; a few queries for however many."""
    models = list(HostedModel.objects.visible_to(user).select_related("default_version"))
    known = readiness_of(models)
    return [Entry(standing, known.get(standing.model.pk)) for standing in standings(user, models)]
