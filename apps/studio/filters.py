"""What narrows a gallery. All of it stands in the address, so that a view can be kept and shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from apps.accounts.models import User
from apps.generations.models import Artifact, Origin
from apps.lib.http import search_text
from apps.lib.ids import is_id

NAMES = ("q", "model", "person", "origin", "board", "since", "until", "liked")
ORIGINS = [(value, label) for value, label in Origin.choices if value != Origin.ATTACHED]
"""Those of pictures that a gallery shows."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Each is "" where it was not chosen; what can't be meant is as if not chosen. `liked`: my favourites only."""

    q: str = ""
    model: str = ""
    person: str = ""
    origin: str = ""
    board: str = ""
    since: str = ""
    until: str = ""
    liked: str = ""

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Filters:
        found = {name: search_text(asked, name) for name in NAMES}
        found["origin"] = found["origin"] if found["origin"] in dict(ORIGINS) else ""
        found["board"] = found["board"] if is_id(found["board"]) else ""
        found["liked"] = "1" if found["liked"] else ""
        found |= {name: found[name] if day_of(found[name]) else "" for name in ("since", "until")}
        return cls(**found)

    @property
    def used(self) -> int:
        """How many are chosen."""
        return len(self.chosen)

    @property
    def narrowed(self) -> int:
        """How many are chosen of those that are folded away."""
        return len(self.chosen.keys() - {"q", "board", "liked"})

    @property
    def chosen(self) -> dict[str, str]:
        return {name: value for name in NAMES if (value := getattr(self, name))}

    @property
    def query(self) -> str:
        """As it stands in an address, without the question mark."""
        return urlencode(self.chosen)

    def narrow(self, pictures: QuerySet[Artifact], user: User) -> QuerySet[Artifact]:
        if self.q:
            pictures = pictures.annotate(prompt=KeyTextTransform("prompt", "job__params"))
            pictures = pictures.filter(prompt__icontains=self.q)
        if self.model:
            pictures = pictures.filter(job__model_version__hosted_model=self.model)
        if self.person:
            pictures = pictures.filter(user=self.person)
        if self.origin:
            pictures = pictures.filter(origin=self.origin)
        if self.board:
            pictures = pictures.filter(board_items__board=self.board)
        if self.liked:
            pictures = pictures.filter(favourites__user=user)
        return self._between(pictures)

    def _between(self, pictures: QuerySet[Artifact]) -> QuerySet[Artifact]:
        if since := day_of(self.since):
            pictures = pictures.filter(created_at__gte=_begin(since))
        if until := day_of(self.until):
            pictures = pictures.filter(created_at__lt=_begin(until) + timedelta(days=1))
        return pictures


def day_of(text: str) -> date | None:
    """A day as 2026-01-31; None for anything else, and for days that no picture can be of."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 9000 else None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
