"""Whether the labels are still those that the events name. A label that is gone was erased, and proves nothing."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from apps.audit.chain import Finding
from apps.audit.label_text import reference
from apps.audit.models import AuditEvent, Label

AT_ONCE = 5_000


def first_changed_label() -> Finding | None:
    """The first event one of whose labels is not the text that it was."""
    changed: list[UUID] = []
    for ref, subject_id, text, salt in Label.objects.values_list("ref", "subject_id", "text", "salt").iterator(AT_ONCE):
        if reference(subject_id, text, bytes(salt)) != ref:
            changed.append(ref)
    if not changed:
        return None
    named = Q(actor_ref__in=changed) | Q(target_ref__in=changed) | Q(ip_ref__in=changed)
    found = AuditEvent.objects.filter(named, seal__isnull=False).order_by("seal__position")
    first = found.values_list("seal__position", "id").first()
    return Finding(*first, "names a label that was changed since") if first else None
