"""Keeps the site from denying everyone by one grant or state too many. To stop everything there is the kill switch."""

from __future__ import annotations

from django.db import connection
from django.db.models import F, Q

from apps.catalog.models import HostedModel
from apps.governance.errors import GovernanceRefused
from apps.governance.models import Grant

LOCK = 0x47524E54  # of our own choice: "GRNT"


def one_at_a_time() -> None:
    """Until the transaction ends: two revocations at once must not each leave the other's grant as the last one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def somebody_may_generate() -> bool:
    """Whether any live grant permits the version in use of any available model."""
    in_use = Q(model_version=None) | Q(model_version=F("hosted_model__default_version"))
    return Grant.objects.live().filter(in_use, hosted_model__in=HostedModel.objects.available()).exists()


def refuse_to_deny_everyone() -> None:
    """Call after a change, in its transaction. Raises GovernanceRefused where now nobody may use any model."""
    if not somebody_may_generate():
        raise GovernanceRefused(
            "After this nobody could use any model. Give somebody access first, or stop the site with its kill switch."
        )
