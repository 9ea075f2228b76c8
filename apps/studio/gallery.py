"""The pictures of a project, newest first, a page at a time: as fast on the last page as on the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import ExtractDay, Now
from django.utils.dateparse import parse_datetime

from apps.accounts.models import User
from apps.generations.models import Artifact, Origin
from apps.lib.ids import is_id
from apps.projects.models import Project
from apps.studio.filters import Filters
from apps.studio.models import Board, Favourite

PAGE_SIZE = 48
FROM_IT = 12
"""Pictures that began from one, as its page shows them."""
TWINS = Q(job__params__has_key="reproduces")
"""Those of jobs that made another one again: they are on the receipt."""


class Place(NamedTuple):
    """Where a picture stands in the order."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.id}"


@dataclass(frozen=True, slots=True)
class Page:
    """`after`: the place to go on from; "" on the last page."""

    pictures: list[Artifact]
    after: str


class Neighbours(NamedTuple):
    """The ids of the pictures beside one in the gallery; "" at its ends."""

    newer: str
    older: str


def pictures_of(project: Project, user: User, filters: Filters) -> QuerySet[Artifact]:
    """All that the gallery shows, newest first, with `is_liked` by `user`; twins where somebody chose them."""
    rows = Artifact.objects.kept().filter(project=project, mask=None)
    if not (filters.board or filters.liked):
        rows = rows.exclude(TWINS)
    liked = Favourite.objects.filter(artifact=OuterRef("pk"), user=user)
    return filters.narrow(rows, user).annotate(is_liked=Exists(liked)).order_by("-created_at", "-id")


def deleted_of(project: Project) -> QuerySet[Artifact]:
    """The latest first, each with the whole `days_left` until it is erased."""
    rows = Artifact.objects.in_bin().filter(project=project, mask=None)
    left = F("deleted_at") + timedelta(days=settings.ARTIFACT_BIN_DAYS) - Now()
    return for_tiles(rows).annotate(days_left=ExtractDay(left)).order_by("-deleted_at", "-id")


def for_tiles(pictures: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """With all that a tile tells, and nothing that is large."""
    version = "job__model_version"
    large = ("files", "model_card", "chat_template", "measured")
    related = pictures.select_related("user", f"{version}__hosted_model")
    return related.defer(*(f"{version}__{name}" for name in large))


def page_of(pictures: QuerySet[Artifact], after: str) -> Page:
    """Those after the place that is written in `after`; the first ones where that is none."""
    if place := place_in(after):
        pictures = pictures.filter(_older_than(place))
    found = list(for_tiles(pictures)[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return Page(shown, str(place_of(shown[-1])) if len(found) > PAGE_SIZE else "")


def neighbours_of(picture: Artifact, pictures: QuerySet[Artifact]) -> Neighbours:
    place = place_of(picture)
    older = pictures.filter(_older_than(place)).values_list("pk", flat=True).first()
    newer = pictures.filter(_newer_than(place)).order_by("created_at", "id").values_list("pk", flat=True).first()
    return Neighbours(newer or "", older or "")


def made_from(picture: Artifact) -> list[Artifact]:
    """The newest ones that began from it, with the jobs that made them."""
    rows = Artifact.objects.kept().filter(project=picture.project_id, job__params__source=picture.pk)
    return list(rows.exclude(TWINS).select_related("job").order_by("-created_at", "-id")[:FROM_IT])


def place_of(picture: Artifact) -> Place:
    return Place(picture.created_at, picture.pk)


def place_in(text: str) -> Place | None:
    moment, _, identifier = text.partition("_")
    try:
        at = parse_datetime(moment)
    except ValueError:
        return None
    return Place(at, identifier) if at is not None and at.tzinfo is not None and is_id(identifier) else None


def people_of(project: Project) -> list[User]:
    """Those whose pictures there are."""
    makers = Artifact.objects.kept().filter(project=project).values("user")
    return list(User.objects.filter(pk__in=makers).order_by("display_name", "pk"))


def models_of(project: Project) -> list[tuple[str, str]]:
    """Ids and names of the models that there are pictures of."""
    made = Artifact.objects.kept().filter(project=project, origin=Origin.GENERATED)
    rows = made.values_list("job__model_version__hosted_model", "job__model_version__hosted_model__name")
    return list(rows.order_by("job__model_version__hosted_model__name").distinct())


def boards_of(project: Project) -> list[Board]:
    return list(Board.objects.filter(project=project).with_counts().order_by("name", "id"))


def boards_with(picture: Artifact, boards: Iterable[Board]) -> list[tuple[Board, bool, bool]]:
    """Each board, whether this picture is on it, and whether it is its cover."""
    on = dict(picture.board_items.values_list("board_id", "pk"))
    return [(board, board.pk in on, board.pk in on and board.cover_id == on[board.pk]) for board in boards]


def _older_than(place: Place) -> Q:
    return Q(created_at__lt=place.at) | Q(created_at=place.at, id__lt=place.id)


def _newer_than(place: Place) -> Q:
    return Q(created_at__gt=place.at) | Q(created_at=place.at, id__gt=place.id)
