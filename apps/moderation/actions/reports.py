"""Reporting something."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.audit.record import record
from apps.moderation.kinds import KindOfThing
from apps.moderation.limits import check_rate
from apps.moderation.models import MAX_EXCERPT, Case, Report
from apps.moderation.report_notices import tell_of_report
from apps.moderation.targets import case_target


@transaction.atomic
def report_thing(
    *, actor: User, kind: str, thing_id: str, about: KindOfThing, thing: Any, reason: str, text: str
) -> Report:
    """`about` and `thing` come from `access.get_thing_for`: the reporter may see it. Moderators are told of the first
    of the reports that wait.

    Raises NotAllowed for one's own thing and for a second report while the first waits, TooMany after a flood.
    """
    if about.author(thing) == actor:
        raise NotAllowed(f"This {about.noun} is yours. You can change or delete it yourself.")
    case = _case_of(kind, thing_id)
    waiting = list(case.reports.filter(closed_at=None).values_list("reporter_id", flat=True))
    if actor.pk in waiting:
        raise NotAllowed("You have reported this already. A moderator will look at it.")
    check_rate(actor, "report.create")
    _as_it_is_now(case, about, thing)
    case.refresh_from_db()
    report = Report.objects.create(case=case, reporter=actor, reason=reason, text=text)
    record("moderation.reported", actor=actor, target=case_target(case), case=case.pk, reason=reason)
    if not waiting:
        tell_of_report(report)
    return report


def _case_of(kind: str, thing_id: str) -> Case:
    """The one case of that thing, made where there is none, locked until the transaction ends."""
    Case.objects.get_or_create(kind=kind, thing_id=thing_id)
    return Case.objects.select_for_update().get(kind=kind, thing_id=thing_id)


def _as_it_is_now(case: Case, about: KindOfThing, thing: Any) -> None:
    """What the reporter sees is kept: an author may change it before anybody looks."""
    title, text = about.describe(thing)
    Case.objects.filter(pk=case.pk).update(
        state=Case.State.OPEN,
        author=about.author(thing),
        label=title.replace("\0", "")[:160],
        excerpt=text.replace("\0", "")[:MAX_EXCERPT],
        reported_at=Now(),
    )
