"""The queue as CSV, made in chunks: a spreadsheet opens it without running what somebody wrote."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from apps.moderation.models import Case
from apps.moderation.outcomes import noun_of

CHUNK = 500
FORMULA = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula, after blanks too."""
TITLES = (
    *("Case", "Kind", "Id", "Title", "Author", "State", "Hidden since", "Waiting reports", "Reasons"),
    *("Last reported", "Last decision", "Decided by", "Reason given"),
)


def csv_of(cases: QuerySet[Case]) -> StreamingHttpResponse:
    """`cases` as `queue` gives them."""
    response = StreamingHttpResponse(_pieces(_lines(cases)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="reports.csv"'
    return response


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


async def _pieces(lines: Iterator[Iterable[object]]) -> AsyncIterator[str]:
    """The event loop goes on while the database is read."""

    def piece() -> str:
        written = io.StringIO()
        csv.writer(written).writerows([safe_cell(value) for value in line] for line in islice(lines, CHUNK))
        return written.getvalue()

    while text := await sync_to_async(piece)():
        yield text


def safe_cell(value: object) -> str:
    text = str(value).replace("\0", "")
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text
