"""What moderators decide."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.audit.record import record
from apps.moderation.access import thing_of
from apps.moderation.models import Case, Decision
from apps.moderation.notices import notify
from apps.moderation.outcomes import ACTIONS, HAPPENED, TO_AUTHOR, TO_REPORTER, possible, thing_in_words
from apps.moderation.targets import case_target

Outcome = Decision.Outcome


@transaction.atomic
def decide(*, actor: User, case: Case, outcome: str, reason: str, seen: str) -> Decision:
    """Hide, restore, warn or dismiss; all open reports of the case are closed by it.

    `seen` is the id of the last decision when the moderator looked, "" for none. Raises NotAllowed with a sentence
    where another was faster, where this can't be decided now, without a reason, or about one's own.
    """
    case = Case.objects.select_for_update().get(pk=case.pk)
    if case.author_id == actor.pk:
        raise NotAllowed("This is yours. Another moderator decides about it.")
    _nobody_was_faster(case, seen)
    if outcome not in possible(case):
        raise NotAllowed("This can’t be decided about it now. Look at it again.")
    if not reason and outcome != Outcome.DISMISS:
        raise NotAllowed("Write a reason: the author reads it.")
    return write_decision(actor=actor, case=case, outcome=Outcome(outcome), reason=reason)


def write_decision(
    *, actor: User, case: Case, outcome: Decision.Outcome, reason: str, tell_author: bool = True
) -> Decision:
    """The decision, what it does and who is told. The caller holds the lock of the case and checked the rules."""
    decision = Decision.objects.create(case=case, moderator=actor, outcome=outcome, reason=reason)
    _mark(case, outcome, reason)
    record(ACTIONS[outcome], actor=actor, target=case_target(case), case=case.pk, decision=decision.pk)
    if tell_author and outcome in TO_AUTHOR:
        notify(case.author, TO_AUTHOR[outcome].format(thing=thing_in_words(case)), reason, decision=decision)
    _close_reports(case, outcome, reason)
    return decision


def _nobody_was_faster(case: Case, seen: str) -> None:
    last = case.decisions.select_related("moderator").first()
    if last is not None and last.pk != seen:
        who = last.moderator or "A moderator who has left"
        raise NotAllowed(f"{who} {HAPPENED[Outcome(last.outcome)]} meanwhile. Look at it again before you decide.")


def _mark(case: Case, outcome: Decision.Outcome, reason: str) -> None:
    """Hidden is hidden from this moment: rooms ask the row that is written here."""
    changes: dict[str, object] = {"state": Case.State.CLOSED}
    if outcome in (Outcome.HIDE, Outcome.RESTORE):
        changes["hidden_at"] = Now() if outcome == Outcome.HIDE else None
    Case.objects.filter(pk=case.pk).update(**changes)
    if not (found := thing_of(case)):
        return
    about, thing = found
    if outcome == Outcome.HIDE:
        about.hide(thing, reason)
    elif outcome == Outcome.RESTORE:
        about.restore(thing)


def _close_reports(case: Case, outcome: Decision.Outcome, reason: str) -> None:
    waiting = case.reports.filter(closed_at=None).select_related("reporter")
    said = TO_REPORTER[outcome]
    if outcome == Outcome.DISMISS and reason:
        said = f"{said} {reason}"
    for report in waiting:
        notify(report.reporter, f"You reported the {thing_in_words(case)}", said)
    waiting.update(closed_at=Now())
