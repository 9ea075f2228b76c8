"""Reports, decisions about them, and appeals."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.http import Http404

from apps.accounts.actions.profile import delete_account, export_account
from apps.accounts.errors import NotAllowed
from apps.audit.models import AuditEvent
from apps.moderation.access import get_decision_for, get_thing_for, strikes_of
from apps.moderation.actions.appeals import answer_appeal, appeal
from apps.moderation.actions.decisions import decide
from apps.moderation.hidden import hidden_ids, is_hidden
from apps.moderation.models import Appeal, Case, Decision, Notice, Report
from tests.moderation.build import KIND, decided, moderator, report
from tests.world import World

Outcome = Decision.Outcome


def told(user: object) -> list[str]:
    return list(Notice.objects.filter(user=user).values_list("title", flat=True))


def test_only_what_one_sees_can_be_reported(world: World) -> None:
    with pytest.raises(Http404):
        get_thing_for(world.stranger, KIND, world.project.pk)
    with pytest.raises(Http404):
        get_thing_for(world.viewer, "no_such_kind", world.project.pk)


def test_one_thing_is_one_case(world: World) -> None:
    first, second = report(world, world.viewer), report(world, world.editor, Report.Reason.OTHER, "It is odd.")
    assert first.case == second.case
    case = Case.objects.get()
    assert (case.label, case.excerpt, case.author) == ("Lighthouse", "About Lighthouse", world.owner)
    with pytest.raises(NotAllowed, match="already"):
        report(world, world.viewer)
    with pytest.raises(NotAllowed, match="yours"):
        report(world, world.owner)
    events = AuditEvent.objects.filter(action="moderation.reported")
    assert [event.target_id for event in events] == [world.project.pk] * 2
    assert "odd" not in str([event.details for event in events])


def test_hiding_tells_the_author_why_and_the_reporter_that(world: World) -> None:
    report(world, world.editor)
    decision = decided(world, moderator())
    world.project.refresh_from_db()
    assert world.project.description == "Hidden: It is an advertisement."
    assert is_hidden(KIND, world.project.pk)
    assert list(hidden_ids(KIND)) == [world.project.pk]
    notice = Notice.objects.get(user=world.owner)
    assert (notice.title, notice.text) == (
        "Your project “Lighthouse” was hidden by a moderator",
        "It is an advertisement.",
    )
    assert notice.decision == decision
    assert told(world.viewer) == told(world.editor) == ["You reported the project “Lighthouse”"]
    assert not Report.objects.filter(closed_at=None).exists()


def test_restoring_undoes_it(world: World) -> None:
    by = moderator()
    first = decided(world, by)
    decide(actor=by, case=first.case, outcome=Outcome.RESTORE, reason="A mistake.", seen=first.pk)
    world.project.refresh_from_db()
    assert world.project.description == ""
    assert not is_hidden(KIND, world.project.pk)
    assert told(world.owner)[0] == "Your project “Lighthouse” is shown again"


def test_a_dismissed_report_can_be_made_again(world: World) -> None:
    case = decided(world, moderator(), Outcome.DISMISS, "").case
    assert told(world.owner) == []
    report(world, world.viewer)
    case.refresh_from_db()
    assert case.state == Case.State.OPEN


def test_the_second_of_two_reads_what_the_first_did(world: World) -> None:
    first, second = moderator("ann"), moderator("bob")
    case = decided(world, first).case
    with pytest.raises(NotAllowed, match="Ann hid it meanwhile"):
        decide(actor=second, case=case, outcome=Outcome.WARN, reason="Be kind.", seen="")
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(
    ("outcome", "reason", "sentence"),
    [(Outcome.HIDE, "", "Write a reason"), (Outcome.RESTORE, "Because.", "can’t be decided")],
)
def test_what_cannot_be_decided(world: World, outcome: str, reason: str, sentence: str) -> None:
    case = report(world, world.viewer).case
    with pytest.raises(NotAllowed, match=sentence):
        decide(actor=moderator(), case=case, outcome=outcome, reason=reason, seen="")


def test_nobody_decides_about_their_own(world: World) -> None:
    case = report(world, world.viewer).case
    with pytest.raises(NotAllowed, match="yours"):
        decide(actor=world.owner, case=case, outcome=Outcome.DISMISS, reason="", seen="")


def test_a_granted_appeal_shows_it_again(world: World) -> None:
    first, second = moderator("ann"), moderator("bob")
    decision = decided(world, first)
    assert strikes_of(world.owner) == 1
    appeal(actor=world.owner, decision=get_decision_for(world.owner, decision.pk), text="It is our own lighthouse.")
    with pytest.raises(NotAllowed, match="You made this decision"):
        answer_appeal(actor=first, decision=decision, granted=True, answer="Yes.")
    answer_appeal(actor=second, decision=decision, granted=True, answer="So it is.")
    assert not is_hidden(KIND, world.project.pk)
    assert told(world.owner)[0] == "Your appeal about the project “Lighthouse” was granted"
    assert strikes_of(world.owner) == 0
    with pytest.raises(NotAllowed, match="meanwhile"):
        answer_appeal(actor=second, decision=decision, granted=False, answer="No.")
    recorded = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"moderation.hidden", "moderation.appealed", "moderation.appeal.granted", "moderation.restored"} <= recorded


def test_one_appeal_and_only_by_the_author(world: World) -> None:
    decision = decided(world, moderator(), Outcome.WARN, "Be kind.")
    with pytest.raises(Http404):
        get_decision_for(world.viewer, decision.pk)
    appeal(actor=world.owner, decision=decision, text="I was.")
    with pytest.raises(NotAllowed, match="already"):
        appeal(actor=world.owner, decision=decision, text="I really was.")
    # The only other moderator is the administrator; with none, the one who decided answers.
    world.admin.delete()
    answer_appeal(actor=decision.moderator, decision=decision, granted=False, answer="You were not.")  # type: ignore[arg-type]
    assert Appeal.objects.get().state == Appeal.State.REJECTED
    assert strikes_of(world.owner) == 1


def test_without_audit_nothing_is_hidden(world: World) -> None:
    case = report(world, world.viewer).case
    by = moderator()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE audit_auditevent ADD CONSTRAINT nothing CHECK (action <> 'moderation.hidden') NOT VALID"
        )
    with pytest.raises(Exception, match="could not be written") as raised:
        decide(actor=by, case=case, outcome=Outcome.HIDE, reason="Spam.", seen="")
    assert isinstance(raised.value.__cause__, DatabaseError)


def test_a_person_takes_theirs_and_leaves_no_words(world: World) -> None:
    decided(world, moderator())
    assert b"notices.json" in export_account(person=world.owner)
    world.project.memberships.exclude(user=world.owner).delete()
    delete_account(person=world.owner)
    case = Case.objects.get()
    assert (case.author, case.label, case.excerpt) == (None, "", "")
    delete_account(person=world.viewer)
    assert Report.objects.get().reporter is None
