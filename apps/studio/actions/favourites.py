"""Somebody's own favourites: no business of the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.accounts.models import User
from apps.generations.models import Artifact
from apps.studio.models import Favourite


@transaction.atomic
def set_favourite(*, actor: User, pictures: Sequence[Artifact], on: bool) -> None:
    if on:
        rows = [Favourite(user=actor, artifact=each) for each in pictures]
        Favourite.objects.bulk_create(rows, ignore_conflicts=True)
    else:
        Favourite.objects.filter(user=actor, artifact__in=pictures).delete()
