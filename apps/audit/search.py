"""Finding events by who or what they name."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from apps.audit.models import AuditEvent, Label

FEW = 200
"""Labels that are looked for one by one, in the index of those who bear them."""


def naming(events: QuerySet[AuditEvent], field: str, text: str) -> QuerySet[AuditEvent]:
    """Those whose `field`, "actor" or "target", has the id `text` or a label with `text` in it. One query more.

    The labels are found first: there are few of them, and they have an index for that; a million events have none.
    """
    labels = Label.objects.filter(text__icontains=text)
    refs = list(labels.values_list("ref", flat=True)[: FEW + 1])
    named = Q(**{f"{field}_ref__in": refs if len(refs) <= FEW else labels.values("ref")})
    return events.filter(Q(**{f"{field}_id": text}) | named)
