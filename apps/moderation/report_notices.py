"""Moderators are told that something waits for them: once, until they have looked."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from apps.accounts.powers import Power, people_with
from apps.moderation.models import Appeal, Report
from apps.moderation.notices import notify_once
from apps.moderation.outcomes import noun_of

CONSOLE_PAGE = "console_reports"
"""The route of the room above in which reports are listed; where there is none, the notice leads nowhere."""


def tell_of_report(report: Report) -> None:
    """Not who reported it; and not the reporter and the author, who don't decide about it."""
    case = report.case
    text = f"The latest is about a {noun_of(case)}: {report.get_reason_display().lower()}."
    titles = "A report waits for a decision", "Reports wait for a decision"
    _tell("reports", titles, text, shown="open", but=(report.reporter_id, case.author_id))


def tell_of_appeal(appeal: Appeal) -> None:
    case = appeal.decision.case
    titles = "An appeal waits for an answer", "Appeals wait for an answer"
    _tell("appeals", titles, f"The latest is about a {noun_of(case)}.", shown="appeals", but=(case.author_id,))


def _tell(key: str, titles: tuple[str, str], text: str, *, shown: str, but: tuple[str | None, ...]) -> None:
    moderators = people_with(Power.MODERATE).exclude(pk__in=[pk for pk in but if pk])
    one, several = titles
    notify_once(moderators, key, one, text, again=several, url=_page(shown))


def _page(shown: str) -> str:
    try:
        return f"{reverse(CONSOLE_PAGE)}?shown={shown}"
    except NoReverseMatch:
        return ""
