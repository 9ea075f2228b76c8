"""Make, rename, fill, empty and delete boards. Pictures themselves stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.generations.models import Artifact
from apps.projects.models import Project
from apps.studio.inputs import refused
from apps.studio.models import Board, BoardItem

MAX_BOARDS = 200


@transaction.atomic
def create_board(*, actor: User, project: Project, name: str) -> Board:
    """Raises Refused where the project has one of this name, or too many."""
    if Board.objects.filter(project=project).count() >= MAX_BOARDS:
        message = f"A project has at most {MAX_BOARDS} boards. Delete one that nobody needs."
        raise refused("too_many", message, status=429)
    try:
        with transaction.atomic():
            board = Board.objects.create(project=project, name=name, created_by=actor)
    except IntegrityError:
        raise _taken(name) from None
    _record("board.created", actor, board)
    return board


@transaction.atomic
def rename_board(*, actor: User, board: Board, name: str) -> None:
    if name == board.name:
        return
    try:
        with transaction.atomic():
            Board.objects.filter(pk=board.pk).update(name=name)
    except IntegrityError:
        raise _taken(name) from None
    board.name = name
    _record("board.renamed", actor, board)


@transaction.atomic
def set_cover(*, actor: User, board: Board, picture: Artifact | None) -> None:
    """None: its newest pictures again. Raises Refused where the picture isn't on the board."""
    item = BoardItem.objects.filter(board=board, artifact=picture).first() if picture else None
    if picture is not None and item is None:
        raise refused("not_on_board", "This picture is not on the board any more. Put it there first.", status=409)
    rows = Board.objects.filter(pk=board.pk)
    changed = rows.exclude(cover=item) if item else rows.exclude(cover=None)
    if changed.update(cover=item):
        _record("board.covered", actor, board)


@transaction.atomic
def delete_board(*, actor: User, board: Board) -> None:
    """The pictures on it stay in the gallery."""
    _record("board.deleted", actor, board)
    board.delete()


@transaction.atomic
def put_on_board(*, actor: User, board: Board, pictures: Sequence[Artifact]) -> int:
    """How many were not on it yet. All of them belong to its project."""
    before = BoardItem.objects.filter(board=board).count()
    BoardItem.objects.bulk_create([BoardItem(board=board, artifact=each) for each in pictures], ignore_conflicts=True)
    if added := BoardItem.objects.filter(board=board).count() - before:
        _record("board.filled", actor, board, pictures=added)
    return added


@transaction.atomic
def take_off_board(*, actor: User, board: Board, pictures: Sequence[Artifact]) -> int:
    taken, _ = BoardItem.objects.filter(board=board, artifact__in=pictures).delete()
    if taken:
        _record("board.emptied", actor, board, pictures=taken)
    return taken


def _taken(name: str) -> Exception:
    return refused("taken", f"There is a board “{name}” already. Choose another name.", field="name")


def _record(action: str, actor: User, board: Board, pictures: int = 0) -> None:
    target = Target("board", board.pk, "board")
    record(action, actor=actor, target=target, project_id=board.project_id, pictures=pictures)
