"""Quotas in sentences."""

from __future__ import annotations

from datetime import date, timedelta

from apps.quotas.limits import Limit, Standing
from apps.quotas.models import Metric, Period, Subject

UNITS = {
    Metric.TOKENS: ("token", "tokens"),
    Metric.IMAGES: ("picture", "pictures"),
    Metric.DEVICE_SECONDS: ("device-second", "device-seconds"),
    Metric.CONCURRENT_JOBS: ("answer at once", "answers at once"),
}
WHOSE = {Subject.USER: "Your quota", Subject.PROJECT: "This project's quota", Subject.SITE: "The quota of this site"}


def amount(metric: Metric, number: float) -> str:
    """“1,200 tokens”, “0.4 device-seconds”."""
    shown = f"{number:,.0f}" if number == int(number) or number >= 10 else f"{number:,.1f}"
    return f"{shown} {UNITS[metric][shown != '1']}"


def limit_in_words(limit: Limit) -> str:
    """“10,000 tokens a day”."""
    per = {Period.DAY: " a day", Period.MONTH: " a month", Period.ANY: ""}[limit.period]
    return amount(limit.metric, limit.limit) + per


def renews_on(limit: Limit) -> date | None:
    """The first day that no longer counts; None for what doesn't depend on the date."""
    if limit.period == Period.DAY:
        return limit.today + timedelta(days=1)
    if limit.period == Period.MONTH:
        return (limit.today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def renewal(limit: Limit) -> str:
    """“It renews on 1 December at 00:00 UTC.”, "" for what doesn't depend on the date."""
    day = renews_on(limit)
    if day is None:
        return ""
    return f"It renews on {day.day} {day:%B} at 00:00 UTC."


def refusal(standing: Standing, wanted: float) -> str:
    """What, how much is left, when it renews."""
    limit, whose = standing.limit, WHOSE[standing.limit.subject]
    if limit.metric == Metric.CONCURRENT_JOBS:
        waiting = f"{standing.taken:,.0f} are still waiting or being written"
        return f"{whose} is {limit_in_words(limit)}, and {waiting}. Wait for one, or stop one."
    left = f"{amount(limit.metric, standing.left)} left" if standing.left else "nothing left"
    needs = f", and this may take {amount(limit.metric, wanted)}" if wanted and standing.left else ""
    return f"{whose} is {limit_in_words(limit)}: there is {left}{needs}. {renewal(limit)}"


def warning(standing: Standing) -> str:
    """For a standing of 80 % and more."""
    limit = standing.limit
    used = f"{WHOSE[limit.subject]} of {limit_in_words(limit)} is used to {min(standing.percent, 999):.0f} %"
    return f"{used}. {renewal(limit)}".strip()
