"""What the usage pages show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.quotas import words
from apps.quotas.charts import chart
from apps.quotas.limits import WARN_PERCENT, Standing, applicable, database_today, standings
from apps.quotas.models import Subject
from apps.quotas.usage import report

RANGES = (7, 30, 90)
USUAL = 30


@dataclass(frozen=True, slots=True)
class Gauge:
    """A quota, how far it is used, and what to say of it. `filled` is at most 100."""

    title: str
    percent: float
    filled: float
    used: str
    renewal: str
    level: str


def days_in(text: str) -> int:
    """The range that an address asks for; the usual one for anything else."""
    return next((days for days in RANGES if str(days) == text), USUAL)


def usage_page(
    subject: Subject, subject_id: str, *, days: int, user_id: str = "", project_id: str = ""
) -> dict[str, Any]:
    """The context of `quotas/_usage.html`. Quotas are those of the person or the project named, and of this subject."""
    today = database_today()
    found = report(subject, subject_id, today=today, days=days)
    limits = [each for each in applicable(user_id=user_id, project_id=project_id) if each.subject == subject]
    gauges = [_gauge(each) for each in standings(limits)]
    return {
        "usage": found,
        "charts": [
            chart("Tokens", "tokens", [(day, float(used.tokens)) for day, used in found.days]),
            chart("Device time", "device-seconds", [(day, used.device_seconds) for day, used in found.days]),
        ],
        "gauges": gauges,
        "near": [gauge for gauge in gauges if gauge.level],
        "days": days,
        "ranges": RANGES,
        "today": today,
    }


def _gauge(standing: Standing) -> Gauge:
    limit, percent = standing.limit, standing.percent
    set_aside = f", {words.amount(limit.metric, standing.reserved)} of it set aside" if standing.reserved else ""
    return Gauge(
        title=words.limit_in_words(limit),
        percent=percent,
        filled=min(100.0, percent),
        used=words.amount(limit.metric, standing.taken) + set_aside,
        renewal=words.renewal(limit),
        level="bad" if percent >= 100 else "warn" if percent >= WARN_PERCENT else "",
    )
