"""Erasing a person from the log: the labels go, the events stay as they were hashed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import reduce
from operator import or_

from django.db.models import Q
from django.db.models.functions import Now

from apps.audit.models import AuditEvent, Label
from apps.audit.record import Target, record
from apps.lib import context

ERASED = "audit.erased"
LATELY = timedelta(days=1)


def addresses_of(person_id: str) -> set[str]:
    """Every email address under which this person has been in the log."""
    return set(Label.objects.filter(subject_id=person_id, text__contains="@").values_list("text", flat=True))


def erase_person(person_id: str, addresses: Collection[str] = ()) -> int:
    """Delete every label of this person, and every one that is one of `addresses` whatever it was a label of, in the
    caller's transaction; record how many went. Nothing may be recorded about them afterwards."""
    theirs = reduce(or_, (Q(text__iexact=address) for address in addresses), Q(subject_id=person_id))
    labels, _ = Label.objects.filter(theirs).delete()
    # The client's address is the person's own where people delete themselves.
    address = context.client_ip.set("")
    try:
        record(ERASED, target=Target("person", person_id), labels=labels)
    finally:
        context.client_ip.reset(address)
    return labels


def erase_stragglers() -> int:
    """The chore: a request or a job that was under way while its person was erased may have named them again."""
    erased = AuditEvent.objects.filter(action=ERASED, at__gt=Now() - LATELY).order_by().values("target_id")
    labels, _ = Label.objects.filter(subject_id__in=erased).delete()
    return labels
