"""The moderators' queue: cases by what they wait for, of what kind, why they were reported."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Left

from apps.moderation.models import Appeal, Case, Decision, Report

BEGINNING = 160
"""Characters of the excerpt that a row shows."""
_appealed = Exists(Appeal.objects.filter(decision__case=OuterRef("pk"), state=Appeal.State.OPEN))
SHOWN: dict[str, tuple[str, Q]] = {
    "open": ("Waiting", Q(state=Case.State.OPEN)),
    "appeals": ("Appeals", Q(has_appeal=True)),
    "hidden": ("Hidden", Q(hidden_at__isnull=False)),
    "decided": ("Decided", Q(state=Case.State.CLOSED)),
    "all": ("All", Q()),
}
SORTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "new": ("Newest first", ("-reported_at", "id")),
    "old": ("Oldest first", ("reported_at", "id")),
    "many": ("Most reports first", ("-waiting", "-reported_at", "id")),
}


def queue(given: Mapping[str, str]) -> QuerySet[Case]:
    """Cases with `waiting` (open reports), `has_appeal`, their reports and decisions; the same queries for any number.

    `given` holds the filters of QueueForm: without any, what waits for a decision, newest first.
    """
    cases = Case.objects.annotate(
        has_appeal=_appealed, waiting=Count("reports", filter=Q(reports__closed_at=None), distinct=True)
    )
    cases = cases.filter(SHOWN[given.get("shown", "open")][1])
    if kind := given.get("kind"):
        cases = cases.filter(kind=kind)
    if reason := given.get("reason"):
        cases = cases.filter(Exists(Report.objects.filter(case=OuterRef("pk"), reason=reason)))
    decisions = Prefetch("decisions", Decision.objects.select_related("moderator"))
    related = cases.select_related("author").prefetch_related("reports", decisions)
    related = related.defer("excerpt").annotate(beginning=Left("excerpt", BEGINNING))
    return related.order_by(*SORTS[given.get("sort", "new")][1])


def counts() -> dict[str, int]:
    """How many cases wait, and how many appeals."""
    return {
        "open": Case.objects.filter(state=Case.State.OPEN).count(),
        "appeals": Appeal.objects.filter(state=Appeal.State.OPEN).count(),
    }
