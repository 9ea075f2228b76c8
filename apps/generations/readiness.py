"""How soon models could begin: in a worker's memory, being loaded, to be loaded first, or served by nobody now.

Only what workers said and measured. They say it with each heartbeat, so this is a few seconds behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from apps.catalog.models import USABLE_STATES, HostedModel, ModelVersion
from apps.generations.models import Worker
from apps.generations.presence import alive_workers
from engine.overload import duration
from engine.weights import key_with


class Stage(StrEnum):
    READY = "ready"
    LOADING = "loading"
    COLD = "cold"
    ELSEWHERE = "elsewhere"
    """Another server runs it, and a worker here asks that one."""
    UNSERVED = "unserved"


WORDS = {
    Stage.READY: "Ready",
    Stage.LOADING: "Loading now",
    Stage.COLD: "Has to be loaded",
    Stage.ELSEWHERE: "On another server",
    Stage.UNSERVED: "No worker serves it now",
}
SENTENCES = {
    Stage.READY: "It is in the memory of a worker.",
    Stage.LOADING: "A worker is loading it.",
    Stage.COLD: "No worker has it in memory, and none has measured yet how long loading takes.",
    Stage.ELSEWHERE: "Whether it is in the memory there isn’t known here.",
    Stage.UNSERVED: "What is asked waits until a worker for it runs.",
}


@dataclass(frozen=True)
class Readiness:
    """`seconds`, of a cold one: what loading it took the fastest kind of device of those that serve it."""

    stage: Stage
    seconds: float | None = None

    @property
    def words(self) -> str:
        return WORDS[self.stage] if self.seconds is None else f"Loads in about {duration(self.seconds)}"

    @property
    def sentence(self) -> str:
        if self.seconds is None:
            return SENTENCES[self.stage]
        return "No worker has it in memory; that long its loading took before."


class ReadinessJson(TypedDict):
    """As pages read it."""

    stage: str
    words: str
    sentence: str


@dataclass
class _Facts:
    """Of the weights that are loaded for a version: its own, or those of its base."""

    key: str
    seconds: dict[str, float] = field(default_factory=dict)
    """By device, as measured."""


def readiness_of(models: Iterable[HostedModel]) -> dict[str, Readiness]:
    """By id, of those that can be asked for, with the version in use loaded. Two queries for however many."""
    possible = [model for model in models if model.is_enabled and model.state in USABLE_STATES]
    versions = [model.default_version for model in possible if model.default_version is not None]
    if not versions:
        return {}
    workers, facts = list(alive_workers()), _facts({_foundation(version) for version in versions})
    return {each.hosted_model_id: _readiness(each, workers, facts[_foundation(each)]) for each in versions}


def readiness_json(models: Iterable[HostedModel]) -> dict[str, ReadinessJson]:
    found = readiness_of(models).items()
    return {pk: {"stage": str(each.stage), "words": each.words, "sentence": each.sentence} for pk, each in found}


def _foundation(version: ModelVersion) -> str:
    return version.base_id or version.pk


def _facts(version_ids: set[str]) -> dict[str, _Facts]:
    columns = ("pk", "digest", "weights", "load_times__device", "load_times__seconds")
    found = dict[str, _Facts]()
    for pk, digest, weights, device, seconds in ModelVersion.objects.filter(pk__in=version_ids).values_list(*columns):
        facts = found.setdefault(pk, _Facts(key_with(digest, weights)))
        if device is not None:
            facts.seconds[device] = seconds
    return found


def _readiness(version: ModelVersion, workers: Sequence[Worker], facts: _Facts) -> Readiness:
    serving = [worker for worker in workers if version.hosted_model_id in worker.serves]
    if not serving:
        return Readiness(Stage.UNSERVED)
    if version.is_upstream:
        return Readiness(Stage.ELSEWHERE)
    if any(facts.key in worker.loaded for worker in serving):
        return Readiness(Stage.READY)
    if any(facts.key in worker.loading for worker in serving):
        return Readiness(Stage.LOADING)
    measured = [facts.seconds[worker.device] for worker in serving if worker.device in facts.seconds]
    return Readiness(Stage.COLD, min(measured, default=None))
