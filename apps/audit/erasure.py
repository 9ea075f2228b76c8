"""Erasing a person from the log: the labels go, the events stay as they were hashed."""

from __future__ import annotations

from apps.audit.models import Label
from apps.audit.record import Target, record
from apps.lib import context


def erase_person(person_id: str) -> int:
    """Delete every label of this person, in the caller's transaction, and record how many went."""
    labels, _ = Label.objects.filter(subject_id=person_id).delete()
    # The client's address is the person's own where people delete themselves.
    address = context.client_ip.set("")
    try:
        record("audit.erased", target=Target("person", person_id), labels=labels)
    finally:
        context.client_ip.reset(address)
    return labels
