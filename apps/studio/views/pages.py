"""The pages: a project's studio with its gallery, and one picture."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.accounts.powers import Power, powers_of
from apps.generations.artifact_access import get_artifact_for
from apps.generations.json_views import PersonRequest
from apps.generations.models import Artifact
from apps.lib.ids import is_id
from apps.projects.access import get_membership_for, get_project_for
from apps.projects.models import Project, Role
from apps.projects.recent import remember
from apps.studio import gallery
from apps.studio.filters import ORIGINS, Filters
from apps.studio.inputs import MAX_CHOSEN
from apps.studio.page_state import EXAMPLES, page_state
from apps.studio.picture_page import picture_context
from apps.studio.recall import TAKES, recalled, to_start_from
from apps.studio.words import METADATA


@require_GET
@login_required
def studio(request: PersonRequest, pid: str) -> HttpResponse:
    membership = get_membership_for(request.user, pid)
    project, role = membership.project, Role(membership.role)
    remember(request.session, project)
    filters = Filters.read(request.GET)
    boards = gallery.boards_of(project)
    state = page_state(project, request.user, role) | {"recalled": _recalled(request, project)}
    context = _grid(request, project, filters) | {
        "state": state,
        "role": role,
        "can_edit": role >= Role.EDITOR and project.archived_at is None,
        "boards": boards,
        "board": next((board for board in boards if board.pk == filters.board), None),
        "people": gallery.people_of(project),
        "models": gallery.models_of(project),
        "origins": ORIGINS,
        "examples": EXAMPLES,
        "metadata": METADATA,
        "may_install": Power.GOVERN in powers_of(request.user),
    }
    return render(request, "studio/studio.html", context)


@require_GET
@login_required
def tiles(request: PersonRequest, pid: str) -> HttpResponse:
    """A piece of the gallery to put into the page: what follows `after`, or those of `ids` that the filters let in."""
    project = get_project_for(request.user, pid)
    return render(request, "studio/_tiles.html", _grid(request, project, Filters.read(request.GET)))


@require_GET
@login_required
def deleted(request: PersonRequest, pid: str) -> HttpResponse:
    """For who may restore them."""
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    page = Paginator(gallery.deleted_of(project), gallery.PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "bin_days": settings.ARTIFACT_BIN_DAYS, "can_edit": True}
    return render(request, "studio/deleted.html", context)


@require_GET
@login_required
def picture(request: PersonRequest, aid: str) -> HttpResponse:
    found = get_artifact_for(request.user, aid)
    remember(request.session, found.project)
    role = Role(found.role_there)  # type: ignore[attr-defined]  # annotated by its access function
    context = picture_context(found, request.user, Filters.read(request.GET), request.GET.get("with", ""))
    can_edit = role >= Role.EDITOR and found.project.archived_at is None
    return render(request, "studio/picture.html", context | {"role": role, "can_edit": can_edit})


def _grid(request: PersonRequest, project: Project, filters: Filters) -> dict[str, Any]:
    pictures = gallery.pictures_of(project, request.user, filters)
    if asked := request.GET.get("ids", ""):
        ids = [each for each in asked.split(",")[:MAX_CHOSEN] if is_id(each)]
        page = gallery.Page(list(gallery.for_tiles(pictures.filter(pk__in=ids))), "")
    else:
        page = gallery.page_of(pictures, request.GET.get("after", ""))
    return {"project": project, "filters": filters, "page": page, "after": request.GET.get("after", "")}


def _recalled(request: PersonRequest, project: Project) -> dict[str, Any] | None:
    """What the address asks to fill the form with: `use` (and `take`) a picture's parameters, or `source`."""
    take = request.GET.get("take", "")
    if used := _picture_called(request, project, "use"):
        return recalled(used, take if take in TAKES else TAKES[0])
    if source := _picture_called(request, project, "source"):
        return to_start_from(source)
    return None


def _picture_called(request: PersonRequest, project: Project, name: str) -> Artifact | None:
    """One of this project, the person's own; None where there is no such (any more)."""
    try:
        found = get_artifact_for(request.user, request.GET.get(name, ""))
    except Http404:
        return None
    return found if found.project_id == project.pk else None
