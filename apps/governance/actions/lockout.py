"""Keeps the site from denying everyone by one grant or state too many. To stop everything there is the kill switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.governance.errors import GovernanceRefused
from apps.governance.models import Grant, Subject
from apps.projects.models import Membership, Role

LOCK = 0x47524E54  # of our own choice: "GRNT"


@contextmanager
def not_locking_everybody_out() -> Iterator[None]:
    """Around a change, in its transaction. Raises GovernanceRefused where after it nobody may use any model, though
    somebody might before. One such change at a time: of two revocations each would leave the other's grant as the
    last one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    somebody_might = somebody_may_generate()
    yield
    if somebody_might and not somebody_may_generate():
        raise GovernanceRefused(
            "After this nobody could use any model. Give somebody access first, or stop the site with its kill switch."
        )


def somebody_may_generate() -> bool:
    """Whether any live grant lets somebody who is here use the version in use of any available model."""
    in_use = Q(model_version=None) | Q(model_version=F("hosted_model__default_version"))
    members = User.objects.filter(groups=OuterRef("group"), is_active=True)
    editors = Membership.objects.filter(project=OuterRef("project"), role__gte=Role.EDITOR, user__is_active=True)
    writing = editors.filter(project__archived_at=None)
    somebody = Q(subject_type=Subject.EVERYONE) | Q(user__is_active=True) | Exists(members) | Exists(writing)
    return Grant.objects.live().filter(in_use, somebody, hosted_model__in=HostedModel.objects.available()).exists()
