"""Who works at an install: claim, extend, give back, end. Every statement is conditional and in database time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.audit.record import Target, record
from apps.catalog.models import AT_WORK, InstallState, ModelInstall

Told = Callable[[ModelInstall], None]
_told: list[Told] = []


def when_an_install_ends(tell: Told) -> None:
    """Call `tell` in the transaction in which one is done or has failed: for rooms above, which know of notices."""
    _told.append(tell)


def tell_all(install: ModelInstall) -> None:
    for tell in _told:
        tell(install)


class Claim(NamedTuple):
    """The right to work at an install: fenced by its attempt, whoever lost it changes no row."""

    install: str
    attempt: int


class Standing(Enum):
    HELD = auto()
    CANCELLED = auto()
    LOST = auto()


@transaction.atomic
def claim() -> Claim | None:
    """The one that has waited longest, while nobody works at another: a line is shared by all downloads."""
    if ModelInstall.objects.filter(_alive()).exists():
        return None
    waiting = Q(state=InstallState.QUEUED) | Q(state__in=AT_WORK, cancel_requested_at=None)
    rows = ModelInstall.objects.select_for_update(skip_locked=True, of=("self",))
    install = rows.filter(waiting).order_by("created_at", "id").first()
    if install is None:
        return None
    lost = _lost(install)
    if lost >= settings.MAX_ATTEMPTS:
        problem = f"{lost} times the process ended over it without getting further."
        end_failed(Claim(install.pk, install.attempt), problem)
        return None
    ModelInstall.objects.filter(pk=install.pk).update(
        state=InstallState.FETCHING, attempt=F("attempt") + 1, lost=lost, fetched_at_claim=F("fetched_bytes"),
        checked_bytes=0, bytes_per_second=0, lease_until=_lease(),
    )  # fmt: skip
    return Claim(install.pk, install.attempt + 1)


def extend(claim: Claim, **progress: float | str) -> Standing:
    """Heartbeat, with how far it has come."""
    rows = held(claim)
    if rows.update(lease_until=_lease(), **progress) == 0:
        return Standing.LOST
    return Standing.CANCELLED if rows.exclude(cancel_requested_at=None).exists() else Standing.HELD


def give_back(claim: Claim) -> None:
    """Whoever comes next goes on: this process has to end, which is nobody's fault."""
    held(claim).filter(cancel_requested_at=None).update(state=InstallState.QUEUED, lease_until=None)


def let_go(claim: Claim) -> None:
    """Of a cancelled one, so that what was fetched can be cleared."""
    held(claim).update(lease_until=None)


@transaction.atomic
def end_failed(claim: Claim, problem: str) -> bool:
    install = held(claim).select_for_update(of=("self",)).select_related("asked_by").first()
    if install is None or install.cancel_requested_at:
        let_go(claim)
        return False
    install.state, install.problem, install.lease_until = InstallState.FAILED, problem, None
    install.ended_at = Now()
    install.save(update_fields=["state", "problem", "lease_until", "ended_at"])
    record("model.install.failed", actor=install.asked_by, target=install_target(install), outcome="failed")
    tell_all(install)
    return True


def held(claim: Claim) -> QuerySet[ModelInstall]:
    return ModelInstall.objects.filter(pk=claim.install, attempt=claim.attempt, state__in=AT_WORK)


def cancelled_and_free() -> list[ModelInstall]:
    """Those that are to be stopped and that nobody works at any more."""
    return list(ModelInstall.objects.filter(state__in=AT_WORK).exclude(cancel_requested_at=None).exclude(_alive()))


def end_cancelled(install: ModelInstall) -> bool:
    rows = ModelInstall.objects.filter(pk=install.pk, attempt=install.attempt, state__in=AT_WORK)
    return rows.update(state=InstallState.CANCELLED, lease_until=None, ended_at=Now()) == 1


def install_target(install: ModelInstall) -> Target:
    return Target("model_install", install.pk, install.source)


def _alive() -> Q:
    return Q(state__in=AT_WORK, lease_until__isnull=False, lease_until__gt=Now())


def _lease() -> object:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _lost(install: ModelInstall) -> int:
    """How many processes ended over it one after the other, and got nothing more."""
    if install.state == InstallState.QUEUED:
        return install.lost
    further = install.state == InstallState.FETCHING and install.fetched_bytes > install.fetched_at_claim
    return 0 if further else install.lost + 1
