"""Boards: make, rename and delete them, put pictures on them and take them off."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.projects.access import get_membership_for, get_project_for
from apps.projects.models import Role
from apps.studio import gallery
from apps.studio.access import get_board_for, pictures_in
from apps.studio.actions.boards import (
    create_board,
    delete_board,
    put_on_board,
    rename_board,
    set_cover,
    take_off_board,
)
from apps.studio.covers import covers_of
from apps.studio.inputs import board_name_in, flag_in, ids_in
from apps.studio.models import Board


@require_GET
@login_required
def boards(request: PersonRequest, pid: str) -> HttpResponse:
    membership = get_membership_for(request.user, pid)
    project = membership.project
    can_edit = membership.role >= Role.EDITOR and project.archived_at is None
    context = {"project": project, "boards": covers_of(gallery.boards_of(project)), "can_edit": can_edit}
    return render(request, "studio/boards.html", context)


@require_POST
@json_view
def new(request: PersonRequest, pid: str) -> HttpResponseBase:
    """With `pictures`, they are put on it at once."""
    data = body_of(request)
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    name = board_name_in(data)
    pictures = pictures_in(project, ids_in(data["pictures"])) if data.get("pictures") else []
    board = create_board(actor=request.user, project=project, name=name)
    put_on_board(actor=request.user, board=board, pictures=pictures)
    return JsonResponse({"board": _json(board)}, status=201)


@require_POST
@json_view
def put(request: PersonRequest, pid: str) -> HttpResponseBase:
    """`on`: put on the board, or taken off it."""
    data = body_of(request)
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    board = get_board_for(request.user, data["board"] if isinstance(data.get("board"), str) else "", project=project)
    pictures = pictures_in(project, ids_in(data.get("pictures")))
    change = put_on_board if flag_in(data, "on") else take_off_board
    changed = change(actor=request.user, board=board, pictures=pictures)
    return JsonResponse({"board": _json(board), "changed": changed})


@require_POST
@json_view
def rename(request: PersonRequest, bid: str) -> HttpResponseBase:
    data = body_of(request)
    board = get_board_for(request.user, bid)
    rename_board(actor=request.user, board=board, name=board_name_in(data))
    return JsonResponse({"board": _json(board)})


@require_POST
@json_view
def cover(request: PersonRequest, bid: str) -> HttpResponseBase:
    """`{"picture": id}`, one that is on the board; null for the newest ones again."""
    chosen = body_of(request).get("picture")
    board = get_board_for(request.user, bid)
    picture = pictures_in(board.project, ids_in([chosen]))[0] if chosen is not None else None
    set_cover(actor=request.user, board=board, picture=picture)
    return JsonResponse({"board": _json(board)})


@require_POST
@json_view
def delete(request: PersonRequest, bid: str) -> HttpResponseBase:
    board = get_board_for(request.user, bid)
    told = _json(board)
    delete_board(actor=request.user, board=board)
    return JsonResponse({"board": told})


def _json(board: Board) -> dict[str, Any]:
    return {"id": board.pk, "name": board.name}
