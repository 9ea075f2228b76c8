"""What was reported, as the audit log names it: by its id alone."""

from __future__ import annotations

from apps.audit.record import Target
from apps.moderation.models import Case


def case_target(case: Case) -> Target:
    return Target(case.kind, case.thing_id)
