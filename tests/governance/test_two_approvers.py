"""Two who decide on one request at the same moment, over two connections: one decision stands, with one grant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.governance.actions import requests
from apps.governance.actions.requests import approve_request, decline_request, request_access
from apps.governance.errors import GovernanceRefused
from apps.governance.models import AccessRequest, Grant, RequestState
from apps.moderation.models import Notice
from tests.conversations.build import listed_model
from tests.world import World

PATIENCE = 60
"""Seconds that one waits for the other, at most."""
Decide = Callable[[User, AccessRequest], object]
pytestmark = pytest.mark.django_db(transaction=True)


def approve(tokens: int) -> Decide:
    """With a limit of its own, so that the two grants are not the same one."""
    return lambda actor, asked: approve_request(actor=actor, request=asked, max_params={"max_tokens": tokens})


def decline(actor: User, asked: AccessRequest) -> object:
    return decline_request(actor=actor, request=asked, answer="Not this month.")


PAIRS = {"both approve": (approve(100), approve(200)), "one declines": (approve(100), decline)}


def race(world: World, pair: tuple[Decide, Decide]) -> list[str]:
    """What each of the two was told; "" where their decision was taken."""
    asked = request_access(actor=world.stranger, model=listed_model("mira"))
    deciders = list(zip((world.admin, world.owner), pair, strict=True))
    start = threading.Barrier(2)

    def one(decider: tuple[User, Decide]) -> str:
        actor, decide = decider
        mine = AccessRequest.objects.get(pk=asked.pk)
        try:
            start.wait(PATIENCE)
            decide(actor, mine)
        except GovernanceRefused as refusal:
            return str(refusal)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(one, deciders))


def decided() -> list[str]:
    ends = ("model.access.approved", "model.access.declined")
    return list(AuditEvent.objects.filter(action__in=ends).values_list("action", flat=True))


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("turn", range(5))
def test_one_decision_stands_and_the_other_reads_so(world: World, pair: tuple[Decide, Decide], turn: int) -> None:
    taken, told = race(world, pair)
    assert taken == ""
    assert "already by" in told
    assert told.endswith("Nothing was changed.")
    asked = AccessRequest.objects.get()
    grants = Grant.objects.filter(user=world.stranger)
    assert [asked.grant] == (list(grants) if asked.state == RequestState.APPROVED else [None])
    assert grants.count() == (asked.state == RequestState.APPROVED)
    assert decided() == [f"model.access.{asked.state}"]
    assert Notice.objects.filter(user=world.stranger).count() == 1


class NobodyHoldsIt:
    """The request as it was read, without a lock; both have read it before either decides."""

    def __init__(self) -> None:
        self.both_read = threading.Barrier(2)

    def __call__(self, request: AccessRequest) -> AccessRequest:
        found = AccessRequest.objects.select_related("user", "hosted_model", "project").get(pk=request.pk)
        assert found.is_open
        self.both_read.wait(PATIENCE)
        return found


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_without_the_lock_the_conditional_update_still_lets_one_through(
    world: World, pair: tuple[Decide, Decide], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_open", NobodyHoldsIt())
    taken, told = race(world, pair)
    assert taken == ""
    assert "meanwhile" in told
    assert len(decided()) == 1
    assert Grant.objects.filter(user=world.stranger).count() == (AccessRequest.objects.get().grant is not None)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_without_lock_and_condition_both_stand(
    world: World, pair: tuple[Decide, Decide], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the tests above see what they are there to see."""
    monkeypatch.setattr(requests, "_open", NobodyHoldsIt())
    monkeypatch.setattr(requests, "_close", lambda asked, **decision: AccessRequest.objects.update(**decision))
    assert race(world, pair) == ["", ""]
    assert len(decided()) == 2
