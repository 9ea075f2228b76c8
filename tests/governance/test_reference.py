"""`authorize` equals a slow independent reference on random worlds, and so does all that is made from it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.governance.access import usable_model, usable_models
from apps.governance.decisions import authorize, decide, explain
from tests.governance.built import Built, build
from tests.governance.random_worlds import (
    MODELS,
    PEOPLE,
    PROJECTS,
    PlainQuestion,
    PlainWorld,
    every_question,
    reference,
    worlds,
)

QUESTIONS = every_question()
CODES = {
    "allowed", "unknown_action", "inactive", "not_member", "role", "archived", "site_stopped", "model_disabled",
    "model_missing", "model_proposed", "model_retired", "model_stopped", "no_grant", "grant_revoked", "grant_expired",
    "over_limit", "licence",
}  # fmt: skip
seen: Counter[str] = Counter()


@pytest.mark.django_db
@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, picked=st.lists(st.sampled_from(QUESTIONS), min_size=3, max_size=3))
def test_authorize_equals_the_reference(world: PlainWorld, picked: list[PlainQuestion]) -> None:
    with transaction.atomic():
        built = build(world)
        _check_all_at_once(world, built)
        for plain in picked:
            _check_one(world, built, plain)
        _check_pickers(world, built)
        transaction.set_rollback(True)


def test_the_random_worlds_reach_every_code() -> None:
    """Runs after the test above: what it never came across it has not checked."""
    assert not CODES - set(seen)


def _check_all_at_once(world: PlainWorld, built: Built) -> None:
    with CaptureQueriesContext(connection) as queries:
        decisions = decide([built.question(plain) for plain in QUESTIONS])
    assert len(queries) <= 7
    for plain, decision in zip(QUESTIONS, decisions, strict=True):
        expected = reference(world, plain)
        seen[expected.code] += 1
        assert decision.code == expected.code, plain
        assert decision.allowed == (expected.code == "allowed")
        assert decision.limits == ({} if expected.most is None else {"max_tokens": expected.most})
        assert (decision.grant is not None) == decision.allowed
        assert decision.reason.endswith(".")


def _check_one(world: PlainWorld, built: Built, plain: PlainQuestion) -> None:
    asked = built.question(plain)
    assert asked.project is not None
    about: dict[str, Any] = {
        "actor": asked.actor, "action": asked.action, "model": asked.model, "project": asked.project,
        "params": asked.params, "version": asked.version,
    }  # fmt: skip
    decision, explanation = authorize(**about), explain(**about)
    assert decision.code == reference(world, plain).code
    assert explanation.decision == decision
    assert all(outcome.holds for outcome in explanation.outcomes) == decision.allowed
    assert all(outcome.fact.endswith(".") for outcome in explanation.outcomes)


def _check_pickers(world: PlainWorld, built: Built) -> None:
    for person in PEOPLE:
        for project in PROJECTS:
            offered = {model.pk for model in usable_models(built.people[person], built.projects[project])}
            allowed = {
                built.models[model].pk
                for model in MODELS
                if reference(world, PlainQuestion(person, project, model)).code == "allowed"
            }
            assert offered == allowed
            named = (built.models[model].pk for model in MODELS)
            alone = {name for name in named if usable_model(built.people[person], built.projects[project], name)}
            assert alone == allowed
