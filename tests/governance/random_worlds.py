"""Worlds of people, projects, models and grants as plain data, and a slow reading of the rules over them.

The reading knows nothing of the program: it walks over lists, one rule after the other, as one would read them aloud.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from hypothesis import strategies as st

PEOPLE, GROUPS, PROJECTS, MODELS, VERSIONS = range(3), range(2), range(2), range(2), range(2)
STATES = ("approved", "approved", "approved", "proposed", "deprecated", "retired")
ROLES = (None, 10, 20, 20, 20, 30, 30)
LIFETIMES = ("live", "live", "live", "later", "revoked", "expired", "revoked after it expired")
OVER = {"revoked": "grant_revoked", "expired": "grant_expired", "revoked after it expired": "grant_revoked"}


@dataclass(frozen=True)
class PlainPerson:
    active: bool
    roles: tuple[int | None, ...]
    groups: frozenset[int]
    accepted: frozenset[tuple[int, str]]


@dataclass(frozen=True)
class PlainModel:
    state: str
    enabled: bool
    default: int | None
    licences: tuple[str, ...]
    gated: bool
    stopped: bool


@dataclass(frozen=True)
class PlainGrant:
    """`whom` counts groups, projects or people, whichever `kind` says."""

    kind: str
    whom: int
    model: int
    version: int | None
    lifetime: str
    most: int | None


@dataclass(frozen=True)
class PlainWorld:
    people: tuple[PlainPerson, ...]
    archived: tuple[bool, ...]
    models: tuple[PlainModel, ...]
    grants: tuple[PlainGrant, ...] = field(default=())
    site_stopped: bool = False


class PlainQuestion(NamedTuple):
    person: int
    project: int
    model: int
    action: str = "generate"
    version: int | None = None
    wanted: int | None = None


class Answer(NamedTuple):
    code: str
    most: int | None = None
    """The largest number of tokens, where it is allowed and limited."""


def mostly(usual: bool) -> st.SearchStrategy[bool]:
    return st.sampled_from((usual,) * 5 + (not usual,))


people = st.builds(
    PlainPerson,
    active=mostly(True),
    roles=st.tuples(*(st.sampled_from(ROLES) for _ in PROJECTS)),
    groups=st.frozensets(st.sampled_from(GROUPS)),
    accepted=st.frozensets(st.tuples(st.sampled_from(MODELS), st.sampled_from("AB"))),
)
hosted = st.builds(
    PlainModel,
    state=st.sampled_from(STATES),
    enabled=mostly(True),
    default=st.sampled_from((0, 0, 1, 1, None)),
    licences=st.tuples(*(st.sampled_from("AB") for _ in VERSIONS)),
    gated=st.booleans(),
    stopped=mostly(False),
)
grants = st.builds(
    PlainGrant,
    kind=st.sampled_from(("everyone", "group", "project", "user")),
    whom=st.sampled_from(GROUPS),
    model=st.sampled_from(MODELS),
    version=st.sampled_from((None, None, *VERSIONS)),
    lifetime=st.sampled_from(LIFETIMES),
    most=st.sampled_from((None, 100, 500)),
)
worlds = st.builds(
    PlainWorld,
    people=st.tuples(*(people for _ in PEOPLE)),
    archived=st.tuples(*(mostly(False) for _ in PROJECTS)),
    models=st.tuples(*(hosted for _ in MODELS)),
    grants=st.lists(grants, max_size=7).map(tuple),
    site_stopped=mostly(False),
)


def every_question() -> list[PlainQuestion]:
    versions, wanted = (None, 0), (None, 200, 800)
    asked = [PlainQuestion(*each) for each in product(PEOPLE, PROJECTS, MODELS, ("generate",), versions, wanted)]
    return [*asked, PlainQuestion(0, 0, 0, "delete"), PlainQuestion(1, 1, 1, "")]


def reference(world: PlainWorld, question: PlainQuestion) -> Answer:
    """The first rule that is broken, or "allowed"."""
    person, model = world.people[question.person], world.models[question.model]
    role = person.roles[question.project]
    version = model.default if question.version is None else question.version
    if question.action != "generate":
        return Answer("unknown_action")
    if not person.active:
        return Answer("inactive")
    if role is None:
        return Answer("not_member")
    if role == 10:
        return Answer("role")
    if world.archived[question.project]:
        return Answer("archived")
    if world.site_stopped:
        return Answer("site_stopped")
    if not model.enabled:
        return Answer("model_disabled")
    if version is None:
        return Answer("model_missing")
    if model.state not in ("approved", "deprecated"):
        return Answer(f"model_{model.state}")
    if model.stopped:
        return Answer("model_stopped")
    return _by_grants(world, question, person, version)


def _by_grants(world: PlainWorld, question: PlainQuestion, person: PlainPerson, version: int) -> Answer:
    model = world.models[question.model]
    mine = []
    for grant in world.grants:
        whom = {
            "everyone": True,
            "group": grant.whom in person.groups,
            "project": grant.whom == question.project,
            "user": grant.whom == question.person,
        }[grant.kind]
        if whom and grant.model == question.model and grant.version in (None, version):
            mine.append(grant)
    live = [grant for grant in mine if grant.lifetime not in OVER]
    if not live:
        return Answer(OVER[mine[-1].lifetime] if mine else "no_grant")
    enough = [grant for grant in live if (question.wanted or 0) <= (grant.most or 10**9)]
    if not enough:
        return Answer("over_limit")
    if model.gated and (question.model, model.licences[version]) not in person.accepted:
        return Answer("licence")
    widest = max(grant.most or 10**9 for grant in enough)
    return Answer("allowed", None if widest == 10**9 else widest)
