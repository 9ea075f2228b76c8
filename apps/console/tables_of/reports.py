"""The moderators' queue: what was reported, by what it waits for, of what kind, and why."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Left

from apps.console.filters import Filter
from apps.console.tables import Column, Table
from apps.moderation.kinds import choices
from apps.moderation.models import Appeal, Case, Decision, Report
from apps.moderation.outcomes import noun_of

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


def cases() -> QuerySet[Case]:
    """With `waiting` (open reports), `has_appeal`, their reports and decisions; the same queries for any number."""
    waiting = Count("reports", filter=Q(reports__closed_at=None), distinct=True)
    found = Case.objects.annotate(has_appeal=_appealed, waiting=waiting, beginning=Left("excerpt", BEGINNING))
    decisions = Prefetch("decisions", Decision.objects.select_related("moderator"))
    return found.defer("excerpt").select_related("author").prefetch_related("reports", decisions)


def cases_waiting() -> int:
    """How many cases wait for a decision, and decisions for an answer to an appeal."""
    open_cases = Case.objects.filter(state=Case.State.OPEN).count()
    return open_cases + Appeal.objects.filter(state=Appeal.State.OPEN).count()


def reports_table() -> Table[Case]:
    return Table(
        name="reports",
        title="Reports",
        row="console/reports/_row.html",
        order="-reported",
        search=("label", "author__display_name", "author__email"),
        search_title="Search by title or author",
        empty_icon="shield-check",
        empty_title="Nothing is waiting",
        empty_text="When somebody reports a prompt, a comment or a shared conversation, it appears here.",
        prepare=_in_words,
        filters=(
            Filter("shown", "Which", [(key, name) for key, (name, _) in SHOWN.items()], _shown, default="open"),
            Filter("kind", "Any kind", choices(), _of_kind),
            Filter("reason", "Any reason", [(str(key), str(name)) for key, name in Report.Reason.choices], _because),
        ),
        columns=COLUMNS,
    )


def _shown(rows: QuerySet[Case], which: str) -> QuerySet[Case]:
    return rows.filter(SHOWN[which][1])


def _of_kind(rows: QuerySet[Case], kind: str) -> QuerySet[Case]:
    return rows.filter(kind=kind)


def _because(rows: QuerySet[Case], reason: str) -> QuerySet[Case]:
    return rows.filter(Exists(Report.objects.filter(case=OuterRef("pk"), reason=reason)))


def _in_words(rows: list[Case]) -> list[Case]:
    """Each with `noun`, its `reasons` in words and its `last` decision, from what was read with it."""
    for row in rows:
        row.noun = noun_of(row)  # type: ignore[attr-defined]
        row.reasons = sorted({report.get_reason_display() for report in row.reports.all()})  # type: ignore[attr-defined]
        row.last = next(iter(row.decisions.all()), None)  # type: ignore[attr-defined]
    return rows


def _of_last(row: Case, what: str) -> str:
    last: Decision | None = row.last  # type: ignore[attr-defined]
    if last is None:
        return ""
    return {"outcome": last.get_outcome_display(), "by": str(last.moderator or ""), "reason": last.reason}[what]


COLUMNS: tuple[Column[Case], ...] = (
    Column("case", "Case", lambda each: each.pk, only_exported=True),
    Column("what", "What", lambda each: each.label, ("label",)),
    Column("kind", "Kind", noun_of, ("kind",)),
    Column("id", "Id", lambda each: each.thing_id, only_exported=True),
    Column("author", "Author", lambda each: each.author or "", ("author__display_name", "author__email")),
    Column("reasons", "Reasons", lambda each: ", ".join(each.reasons)),  # type: ignore[attr-defined]
    Column("waiting", "Waiting reports", lambda each: each.waiting, ("waiting",), numeric=True),  # type: ignore[attr-defined]
    Column("reported", "Last reported", lambda each: each.reported_at, ("reported_at",)),
    Column("state", "State", lambda each: each.get_state_display(), ("state",)),
    Column("hidden", "Hidden since", lambda each: each.hidden_at, only_exported=True),
    Column("decision", "Last decision", lambda each: _of_last(each, "outcome")),
    Column("by", "Decided by", lambda each: _of_last(each, "by"), only_exported=True),
    Column("because", "Reason given", lambda each: _of_last(each, "reason"), only_exported=True),
)
