"""An author's answer to a decision, and the answer to that."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.audit.record import record
from apps.moderation.access import other_moderators
from apps.moderation.actions.decisions import write_decision
from apps.moderation.models import Appeal, Case, Decision
from apps.moderation.notices import notify
from apps.moderation.outcomes import TAKES_BACK, can_be_taken_back, thing_in_words
from apps.moderation.report_notices import tell_of_appeal
from apps.moderation.targets import case_target

Outcome = Decision.Outcome


def why_no_appeal(decision: Decision) -> str:
    """A sentence, or "" where the author may appeal."""
    if decision.outcome not in TAKES_BACK:
        return "There is nothing to appeal against in this decision."
    if Appeal.objects.filter(decision=decision).exists():
        return "You have appealed against this decision already; it can be done once."
    return "" if can_be_taken_back(decision) else "It is shown again already."


@transaction.atomic
def appeal(*, actor: User, decision: Decision, text: str) -> Appeal:
    """One text, once, by the author: `decision` comes from `access.get_decision_for`. Raises NotAllowed."""
    case = Case.objects.select_for_update().get(pk=decision.case_id)
    decision.case = case
    if sentence := why_no_appeal(decision):
        raise NotAllowed(sentence)
    made = Appeal.objects.create(decision=decision, text=text)
    record("moderation.appealed", actor=actor, target=case_target(case), case=case.pk, decision=decision.pk)
    tell_of_appeal(made)
    return made


@transaction.atomic
def answer_appeal(*, actor: User, decision: Decision, granted: bool, answer: str) -> None:
    """Granting takes the decision back. Another moderator answers than the one who decided, where there is another.

    Raises NotAllowed, also for the second of two moderators, who reads that it is answered.
    """
    case = Case.objects.select_for_update().get(pk=decision.case_id)
    if actor.pk == case.author_id:
        raise NotAllowed("This is yours. Another moderator answers.")
    if actor.pk == decision.moderator_id and other_moderators(than=actor):
        raise NotAllowed("You made this decision. Another moderator answers the appeal.")
    if not answer:
        raise NotAllowed("Write an answer: the author reads it.")
    _close(actor, decision, granted, answer)
    code = "moderation.appeal.granted" if granted else "moderation.appeal.rejected"
    record(code, actor=actor, target=case_target(case), case=case.pk, decision=decision.pk)
    _tell(case, decision, granted, answer)
    if granted and decision.outcome == Outcome.HIDE and case.hidden_at:
        write_decision(actor=actor, case=case, outcome=Outcome.RESTORE, reason=answer, tell_author=False)


def _close(actor: User, decision: Decision, granted: bool, answer: str) -> None:
    state = Appeal.State.GRANTED if granted else Appeal.State.REJECTED
    waiting = Appeal.objects.filter(decision=decision, state=Appeal.State.OPEN)
    if not waiting.update(state=state, answered_by=actor, answer=answer, answered_at=Now()):
        raise NotAllowed("This appeal has been answered meanwhile. Look at it again.")


def _tell(case: Case, decision: Decision, granted: bool, answer: str) -> None:
    became = "granted" if granted else "rejected"
    taken_back = f" {TAKES_BACK[Outcome(decision.outcome)]}" if granted else ""
    notify(case.author, f"Your appeal about the {thing_in_words(case)} was {became}", f"{answer}{taken_back}")
