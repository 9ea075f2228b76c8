"""What thirty days of use leave in the totals: more on weekdays, some people far more than others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from apps.catalog.models import HostedModel
from apps.quotas.models import Subject, UsageTotal
from tests.e2e.furniture.people import People

DAYS = 30


def use(people: People) -> None:
    UsageTotal.objects.bulk_create(list(_totals(people)))


def _totals(people: People) -> Iterator[UsageTotal]:
    """Of the days before today, so that nothing is written twice for what this site does itself."""
    today = timezone.now().date()
    models = list(HostedModel.objects.values_list("pk", flat=True))[:3]
    for back in range(1, DAYS):
        day = today - timedelta(days=back)
        for place, model in enumerate(models):
            busy = (5 if day.weekday() < 5 else 1) * (3 - place) * (1 + (back * 7 + place) % 5)
            for subject, subject_id, share in _subjects(people):
                jobs = max(1, round(busy * share))
                yield UsageTotal(
                    subject=subject, subject_id=subject_id, model_id=model, day=day, slot=0, jobs=jobs,
                    tokens=jobs * 420, device_ms=jobs * 9_300.0, cost_micros=jobs * 3_255,
                )  # fmt: skip


def _subjects(people: People) -> Iterator[tuple[Subject, str, float]]:
    yield Subject.SITE, "", 6
    yield Subject.PROJECT, people.project.pk, 2.5
    yield Subject.USER, people.member.pk, 1
    for number, person in enumerate(people.others[:8]):
        yield Subject.USER, person.pk, 1.6 / (number + 1)
