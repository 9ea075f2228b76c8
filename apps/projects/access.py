"""The only way to a project and to all that is in it. Being an administrator of the site opens none."""

from __future__ import annotations

from typing import TypeVar, cast

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import F, Model, QuerySet
from django.http import Http404

from apps.accounts.models import User
from apps.lib.compiled import Parameter
from apps.projects.models import Membership, Project, Role

M = TypeVar("M", bound=Model)


def get_project_for(
    user: User | AnonymousUser, project_id: str, role: Role = Role.VIEWER, *, writable: bool = False
) -> Project:
    """The project, where `user` has at least `role` in it; one query.

    Raises Http404 for a stranger (the same as for no such project), and PermissionDenied with a sentence for a member
    with too small a role, or with `writable` where the project is archived.
    """
    return get_membership_for(user, project_id, role, writable=writable).project


def get_membership_for(
    user: User | AnonymousUser, project_id: str, role: Role = Role.VIEWER, *, writable: bool = False
) -> Membership:
    """As `get_project_for`, with the role: `membership.project` is loaded."""
    memberships = _memberships_of(user).select_related("project")
    # PostgreSQL has no text with a NUL in it; an address may.
    membership = None if "\0" in project_id else memberships.filter(project_id=project_id).first()
    if membership is None:
        raise Http404("There is no such project.")
    require(membership.project, Role(membership.role), role, writable=writable)
    return membership


def in_projects_of(user: User | AnonymousUser | Parameter | F, rows: QuerySet[M, M]) -> QuerySet[M, M]:
    """Those of `rows`, of a model with a `project`, that are in a project of `user`'s: the project is loaded, and
    `role_there` says the role. `require` is still to be asked. A Parameter takes the id of a person;
    an F is the field of `rows` that has them."""
    if isinstance(user, AnonymousUser):
        return rows.none()
    rows = rows.filter(project__memberships__user=user, project__memberships__user__is_active=True)
    return cast("QuerySet[M, M]", rows.select_related("project").annotate(role_there=F("project__memberships__role")))


def require(project: Project, has: Role, role: Role, *, writable: bool = False) -> None:
    """Raises PermissionDenied with a sentence where `has` is less than `role`, or with `writable` where the project
    is archived."""
    if has < role:
        raise PermissionDenied(too_small(project, has, role))
    if writable and project.archived_at:
        raise PermissionDenied(archived(project))


def role_of(user: User | AnonymousUser, project: Project) -> Role | None:
    """None for strangers, signed-out people and deactivated members. Read from the database: roles change."""
    role = _memberships_of(user).filter(project=project).values_list("role", flat=True).first()
    return None if role is None else Role(role)


def projects_of(user: User | AnonymousUser) -> QuerySet[Project]:
    """All that `user` belongs to, archived ones too."""
    return Project.objects.filter(pk__in=_memberships_of(user).values("project"))


def writable_projects_of(user: User | AnonymousUser) -> list[Project]:
    """Those in which `user` may ask and edit now, for a select."""
    may = _memberships_of(user).filter(role__gte=Role.EDITOR)
    return list(Project.objects.filter(pk__in=may.values("project"), archived_at=None))


def too_small(project: Project, has: Role, role: Role) -> str:
    """The sentence for a member whose role is not enough."""
    is_now, needed = _a(has.label.lower()), _a(role.label.lower())
    return f"In {project} you are {is_now}; this needs {needed}. An owner of it can change your role."


def archived(project: Project) -> str:
    """The sentence for a change inside an archived project."""
    return f"{project} is archived: it can be read, not changed. An owner can bring it back in its settings."


def _memberships_of(user: User | AnonymousUser) -> QuerySet[Membership]:
    if user.is_anonymous:
        return Membership.objects.none()
    return Membership.objects.filter(user=user, user__is_active=True)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
