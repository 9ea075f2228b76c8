"""The only way to a board and to several pictures at once: through the role that a person has in their project."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from apps.accounts.models import User
from apps.generations.models import Artifact
from apps.lib.ids import is_id
from apps.projects.access import in_projects_of, require
from apps.projects.models import Project, Role
from apps.studio.models import Board, Mask


def get_board_for(
    user: User | AnonymousUser, board_id: str, role: Role = Role.EDITOR, *, project: Project | None = None
) -> Board:
    """The board, to change it; its project is loaded. With `project`, only one of that.

    Raises Http404 for a stranger (the same as for no such board) and PermissionDenied with a sentence for a member
    with too small a role, or where the project is archived.
    """
    rows = Board.objects.filter(pk=board_id) if project is None else project.boards.filter(pk=board_id)
    found = in_projects_of(user, rows).first() if is_id(board_id) else None
    if found is None:
        raise Http404("There is no such board.")
    require(found.project, Role(found.role_there), role, writable=True)  # type: ignore[attr-defined]  # annotated
    return found


def picture_to_show(picture: Artifact) -> Artifact:
    """The same. Raises Http404 for a mask, which is no picture to look at."""
    if Mask.objects.filter(artifact=picture).exists():
        raise Http404("There is no such picture.")
    return picture


def pictures_in(project: Project, ids: Sequence[str]) -> list[Artifact]:
    """Those pictures of the project, in the order of `ids`. Raises Http404 where one of them isn't there (any more)."""
    rows = Artifact.objects.kept().filter(project=project, pk__in=[each for each in ids if is_id(each)])
    found = rows.select_related("user", "job__model_version__hosted_model").in_bulk()
    if missing := len(set(ids) - set(found)):
        which = "One of the pictures is" if missing == 1 else f"{missing} of the pictures are"
        raise Http404(f"{which} no longer there. Reload the page to see what is.")
    return [found[each] for each in dict.fromkeys(ids)]


def deleted_in(project: Project, ids: Sequence[str]) -> list[Artifact]:
    """Those of the project that are in the bin; the others are there anyway, or erased."""
    return list(Artifact.objects.in_bin().filter(project=project, pk__in=[each for each in ids if is_id(each)]))
