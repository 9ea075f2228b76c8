"""The queue as CSV, made in chunks: a spreadsheet opens it without running what somebody wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from apps.lib.csv_export import csv_response
from apps.moderation.models import Case
from apps.moderation.outcomes import noun_of

CHUNK = 500
TITLES = (
    *("Case", "Kind", "Id", "Title", "Author", "State", "Hidden since", "Waiting reports", "Reasons"),
    *("Last reported", "Last decision", "Decided by", "Reason given"),
)


def csv_of(cases: QuerySet[Case]) -> StreamingHttpResponse:
    """`cases` as `queue` gives them."""
    return csv_response("reports", _lines(cases))


def _lines(cases: QuerySet[Case]) -> Iterator[Iterable[object]]:
    yield TITLES
    for case in cases.iterator(chunk_size=CHUNK):
        last = next(iter(case.decisions.all()), None)
        yield (
            *(case.pk, noun_of(case), case.thing_id, case.label, case.author or "", case.get_state_display()),
            case.hidden_at.isoformat(timespec="seconds") if case.hidden_at else "",
            case.waiting,  # type: ignore[attr-defined]  # annotated
            ", ".join(sorted({report.get_reason_display() for report in case.reports.all()})),
            case.reported_at.isoformat(timespec="seconds"),
            *((last.get_outcome_display(), last.moderator or "", last.reason) if last else ("", "", "")),
        )
