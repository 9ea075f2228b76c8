"""What a board shows of itself: the picture that was chosen, else up to four of the newest ones on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from apps.generations.models import Artifact
from apps.studio.models import Board, BoardItem

SHOWN = 4


def covers_of(boards: Sequence[Board]) -> list[tuple[Board, list[Artifact]]]:
    """Each board with its pictures to show, the newest first. Two queries, however many boards."""
    kept = BoardItem.objects.filter(board__in=boards, artifact__deleted_at=None)
    chosen = {
        item.pk: item.artifact
        for item in kept.filter(pk__in=[each.cover_id for each in boards]).select_related("artifact")
    }
    place = Window(RowNumber(), partition_by=F("board"), order_by=[F("added_at").desc(), F("id").desc()])
    newest: defaultdict[str, list[Artifact]] = defaultdict(list)
    for item in kept.annotate(place=place).filter(place__lte=SHOWN).select_related("artifact").order_by("place"):
        newest[item.board_id].append(item.artifact)
    return [(each, [chosen[each.cover_id]] if each.cover_id in chosen else newest[each.pk]) for each in boards]
