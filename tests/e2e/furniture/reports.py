"""Reports that wait and that were decided, what their authors are told, and an appeal."""

from __future__ import annotations

from apps.accounts.models import User
from apps.moderation.access import get_thing_for
from apps.moderation.actions.appeals import appeal
from apps.moderation.actions.decisions import decide
from apps.moderation.actions.reports import report_thing
from apps.moderation.models import Case, Decision, Report
from apps.prompts.actions import create_prompt
from apps.prompts.models import Audience
from tests.e2e.furniture.people import People

SPAM = "Buy charts at CHARTS-4-LESS, the best charts in all seven seas! {{ name }}, act now."


def moderate(people: People) -> dict[str, str]:
    """Returns the ids of a case that waits, of one with an appeal, and of a decision to appeal against."""
    author, moderator = people.member, people.others[2]
    waiting = _reported(author, people.others[3:6], "Charts at half the price")
    appealed = _decided(moderator, _reported(author, people.others[4:5], "Sail to the edge of the map"), "hide")
    appeal(actor=author, decision=appealed, text="It is the motto of our sailing club and no call to do so.")
    warned = _decided(moderator, _reported(author, people.others[5:6], "A rhyme about the harbour master"), "warn")
    left = _reported(people.others[6], [author], "Knots, explained")
    _decided(moderator, left, "dismiss")
    return {"case": waiting.pk, "appealed": appealed.case_id, "decision": warned.pk}


def _reported(author: User, reporters: list[User], title: str) -> Case:
    prompt = create_prompt(actor=author, content={"title": title, "user": SPAM}, visibility=Audience.MEMBERS)
    for number, person in enumerate(reporters):
        about, thing = get_thing_for(person, "prompt", prompt.pk)
        report_thing(
            actor=person, kind="prompt", thing_id=prompt.pk, about=about, thing=thing,
            reason=Report.Reason.values[number], text="It says the same in every sentence." * (number % 2),
        )  # fmt: skip
    return Case.objects.get(kind="prompt", thing_id=prompt.pk)


def _decided(moderator: User, case: Case, outcome: str) -> Decision:
    return decide(actor=moderator, case=case, outcome=outcome, reason="This is an advertisement for a shop.", seen="")
