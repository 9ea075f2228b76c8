"""What governors decide: quotas and prices. Whoever calls these has asked for Power.GOVERN."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.catalog.models import HostedModel
from apps.projects.models import Project
from apps.quotas.models import Metric, Period, Price, Quota, Subject


@transaction.atomic
def set_quota(
    *,
    actor: User,
    subject: Subject,
    metric: Metric,
    period: Period,
    limit: int | None,
    user: User | None = None,
    project: Project | None = None,
) -> Quota:
    """Make a quota or change its limit; it holds from the next submit on. Raises ValidationError with a sentence."""
    _check(subject, metric, period, limit, user, project)
    key = {"subject": subject, "user": user, "project": project, "metric": metric, "period": period}
    before = Quota.objects.select_for_update(of=("self",)).filter(**key).first()
    quota, _ = Quota.objects.update_or_create(
        **key, defaults={"limit": limit}, create_defaults={"limit": limit, "created_by": actor}
    )
    record(
        "quota.set",
        actor=actor,
        target=_quota_target(quota),
        project_id=project.pk if project else "",
        limit=limit,
        before=before.limit if before else None,
        **_of_whom(quota),
    )
    return quota


@transaction.atomic
def remove_quota(*, actor: User, quota: Quota) -> bool:
    """False where it was gone already."""
    found = Quota.objects.select_for_update(of=("self",)).filter(pk=quota.pk).first()
    if found is None:
        return False
    target = _quota_target(found)
    record(
        "quota.removed",
        actor=actor,
        target=target,
        project_id=found.project_id or "",
        limit=found.limit,
        **_of_whom(found),
    )
    found.delete()
    return True


@transaction.atomic
def set_price(*, actor: User, model: HostedModel | None, per_second: Decimal, currency: str = "") -> Price:
    """The price of a device-second, for one model or (None) for all others; for what ends from now on.

    `currency`, three letters, belongs to the price for all. Raises ValidationError with a sentence.
    """
    if not per_second.is_finite() or not 0 <= per_second < 1_000_000:
        raise ValidationError({"per_second": "A price is a number from 0 to 999,999."})
    if model is None and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise ValidationError({"currency": "A currency has three letters, such as EUR."})
    before = Price.objects.select_for_update(of=("self",)).filter(hosted_model=model).first()
    values = {"per_second": round(per_second, 6), "currency": "" if model else currency.upper()}
    price, _ = Price.objects.update_or_create(hosted_model=model, defaults=values)
    earlier = str(before.per_second) if before else None
    record(
        "price.set",
        actor=actor,
        target=_price_target(price),
        per_second=str(price.per_second),
        before=earlier,
        currency=price.currency,
    )
    return price


@transaction.atomic
def remove_price(*, actor: User, price: Price) -> bool:
    """False where it was gone already. A model without one has the price for all; without that it costs nothing."""
    found = Price.objects.select_for_update(of=("self",)).filter(pk=price.pk).first()
    if found is None:
        return False
    record("price.removed", actor=actor, target=_price_target(found), per_second=str(found.per_second))
    found.delete()
    return True


def _check(
    subject: Subject, metric: Metric, period: Period, limit: int | None, user: User | None, project: Project | None
) -> None:
    wrong = {}
    if (user is not None) != (subject == Subject.USER):
        wrong["user"] = "Choose the person whom the quota is for." if user is None else "This is for no single person."
    if (project is not None) != (subject == Subject.PROJECT):
        wrong["project"] = "Choose the project that the quota is for." if project is None else "This is for no project."
    if (period == Period.ANY) != (metric == Metric.CONCURRENT_JOBS):
        wrong["period"] = "Answers at once have no period; all else counts by day or by month."
    if limit is None and subject != Subject.USER:
        wrong["limit"] = "Only a person can be without a limit; remove the quota instead."
    if limit is not None and not 0 <= limit < 2**53:
        wrong["limit"] = "A limit is a whole number from 0."
    if wrong:
        raise ValidationError(wrong)


def _quota_target(quota: Quota) -> Target:
    return Target("quota", str(quota.pk), str(quota), of=quota.user_id or "")


def _of_whom(quota: Quota) -> dict[str, str]:
    whose = quota.user_id or quota.project_id or ""
    return {"subject": quota.subject, "subject_id": whose, "metric": quota.metric, "period": quota.period}


def _price_target(price: Price) -> Target:
    return Target("price", price.hosted_model_id or "site", str(price.hosted_model or "all models"))
