"""Reserve and settle what jobs use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.projects.models import Project
from apps.quotas import words
from apps.quotas.ledger import Amount, Measured, write_reservation, write_settlements
from apps.quotas.limits import WARN_PERCENT, Limit, Standing, applicable, standings
from apps.quotas.metrics import count_refusal, count_reservation, count_settled
from apps.quotas.models import Metric
from apps.quotas.pace import device_ms_per_token


class QuotaExceeded(Exception):
    """`message` is a sentence: which quota, how much is left, when it renews."""

    def __init__(self, standing: Standing, wanted: float) -> None:
        self.standing = standing
        self.message = words.refusal(standing, wanted)
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Reservation:
    """`warnings` are sentences about quotas that are used to 80 % or more, this job included."""

    amount: Amount
    warnings: tuple[str, ...] = ()


@transaction.atomic(savepoint=False)
def reserve(
    *,
    job_id: str,
    user: User,
    project: Project,
    model: HostedModel,
    tokens: int = 0,
    images: int = 0,
    device_ms: float | None = None,
) -> Reservation:
    """Set aside what a job may use at most, in the transaction of its submit. `device_ms` is what it is expected to
    take; None: as its tokens usually do.

    Two statements where no quota applies. Where one does, submits for the same subject go one after another until
    their transactions end. Raises QuotaExceeded, and then nothing is written.
    """
    limits = applicable(user_id=user.pk, project_id=project.pk, metrics=_counted(tokens, images), locked=True)
    expected = _expected_device_ms(limits, model, tokens) if device_ms is None else device_ms
    amount = Amount(tokens, images, expected)
    try:
        standing_after = [_checked(standing, _wanted(standing, amount, 1)) for standing in standings(limits)]
    except QuotaExceeded as refused:
        count_refusal(refused.standing.limit)
        raise
    write_reservation(job_id=job_id, user_id=user.pk, project_id=project.pk, model_id=model.pk, amount=amount)
    count_reservation(model.pk)
    near = (each for each in standing_after if each.percent >= WARN_PERCENT and each.limit.period)
    return Reservation(amount, tuple(words.warning(each) for each in near))


def check(*, user: User, project: Project, jobs: int, images: int, device_ms: float) -> None:
    """Whether there is as much left now as so many jobs of pictures take together; sets nothing aside, and counts no
    refusal. Raises QuotaExceeded."""
    amount = Amount(0, images, device_ms)
    for standing in standings(applicable(user_id=user.pk, project_id=project.pk, metrics=_counted(0, images))):
        _checked(standing, _wanted(standing, amount, jobs))


@transaction.atomic(savepoint=False)
def settle(measured: Iterable[Measured]) -> None:
    """Book what jobs really used and free what was set aside for them, in the transaction of their end.

    A job settles once: called again it changes nothing.
    """
    count_settled(write_settlements(measured))


def _expected_device_ms(limits: list[Limit], model: HostedModel, tokens: int) -> float:
    """Asked only where somebody's device time is limited."""
    if all(limit.metric != Metric.DEVICE_SECONDS for limit in limits):
        return 0.0
    return device_ms_per_token(model.pk) * tokens


def _counted(tokens: int, images: int) -> list[Metric]:
    unused = {Metric.TOKENS} if images and not tokens else set() if images else {Metric.IMAGES}
    return [metric for metric in Metric if metric not in unused]


def _checked(standing: Standing, wanted: float) -> Standing:
    """The standing with `wanted` taken."""
    after = Standing(standing.limit, standing.used, standing.reserved + wanted)
    # Where nothing was measured yet nothing can be expected; but what is used up is used up.
    if after.taken > standing.limit.limit or standing.taken >= standing.limit.limit:
        raise QuotaExceeded(standing, wanted)
    return after


def _wanted(standing: Standing, amount: Amount, jobs: int) -> float:
    return {
        Metric.TOKENS: amount.tokens,
        Metric.IMAGES: amount.images,
        Metric.DEVICE_SECONDS: amount.device_ms / 1000,
        Metric.CONCURRENT_JOBS: jobs,
    }[standing.limit.metric]
