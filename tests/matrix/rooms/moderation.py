"""The rows of `apps/moderation`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from apps.moderation.actions.appeals import appeal
from apps.moderation.models import Case, Notice
from tests.moderation.build import KIND, decided
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

# about the world's project, which is the owner's: they don't report their own
report                               GET     login 404  200  200  200  404
report                               POST    login 404  302  302  409  404

notices                              GET     login 200  200  200  200  200
notices_dismiss_all                  POST    login 302  302  302  302  302
notice_dismiss                       POST    login 404  404  404  302  404
appeal                               GET     login 404  404  404  200  404
appeal                               POST    login 404  404  404  302  404

console_report                       GET     login 404  404  404  404  200
console_decide                       POST    login 404  404  404  404  302
console_answer                       POST    login 404  404  404  404  302
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("report", "POST"): {"reason": "spam"},
    ("appeal", "POST"): {"text": "It is ours."},
    ("console_decide", "POST"): {"outcome": "hide", "reason": "An advertisement."},
    ("console_answer", "POST"): {"granted": "yes", "answer": "It is."},
}
JSON: dict[tuple[str, str], dict[str, Any]] = {}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    decision = decided(world, world.admin, "warn", "Be kind.")
    waiting = Case.objects.create(kind=KIND, thing_id="gone", author=world.owner)
    appealed = Case.objects.create(kind=KIND, thing_id="gone-too", author=world.owner)
    other = appealed.decisions.create(moderator=None, outcome="warn", reason="Be kind.")
    appeal(actor=world.owner, decision=other, text="I was.")
    case = {"case_id": waiting.pk}
    return {
        "report": {"kind": KIND, "thing_id": world.project.pk},
        "notice_dismiss": {"notice_id": Notice.objects.filter(user=world.owner)[0].pk},
        "appeal": {"decision_id": decision.pk},
        "console_report": case,
        "console_decide": case,
        "console_answer": {"case_id": appealed.pk},
    }
