"""What moderators have hidden: for the querysets of the rooms whose things it is about."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.moderation.models import Case


def hidden_ids(kind: str) -> QuerySet[Case, str]:
    """The ids of all hidden things of `kind`, as a subquery: `prompts.exclude(pk__in=hidden_ids("prompt"))`."""
    return Case.objects.hidden(kind).values_list("thing_id", flat=True)


def is_hidden(kind: str, thing_id: str) -> bool:
    return Case.objects.hidden(kind).filter(thing_id=thing_id).exists()
