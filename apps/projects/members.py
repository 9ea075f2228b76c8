"""Who belongs to a project, held still while somebody changes it."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.projects.access import archived, too_small
from apps.projects.models import Membership, Project, Role

LAST_OWNER = "{person} the last owner of {project}. Make another member an owner first, or delete the project."


@dataclass(frozen=True)
class Members:
    """The project as it is now, and its memberships by the id of their person."""

    project: Project
    by_person: dict[str, Membership]

    def owner(self, actor: User, *, writable: bool = False) -> Membership:
        """The membership of `actor`, who must be an owner still: the check of the view may be a moment old."""
        membership = self.by_person.get(actor.pk)
        if membership is None or not membership.user.is_active:
            raise Http404("There is no such project.")
        if membership.role < Role.OWNER:
            raise PermissionDenied(too_small(self.project, Role(membership.role), Role.OWNER))
        if writable and self.project.archived_at:
            raise PermissionDenied(archived(self.project))
        return membership

    def of(self, person: User) -> Membership:
        if person.pk not in self.by_person:
            raise NotAllowed(f"{person} is not a member of {self.project} any more.")
        return self.by_person[person.pk]

    def keep_an_owner(self, leaving: Membership, actor: User | None) -> None:
        """Refuse what would leave the project without an owner who can sign in."""
        if leaving.role == Role.OWNER and not self.has_other_owner(leaving.user):
            person = "You are" if actor == leaving.user else f"{leaving.user} is"
            raise NotAllowed(LAST_OWNER.format(person=person, project=self.project))

    def has_other_owner(self, person: User) -> bool:
        others = (member for member in self.by_person.values() if member.user_id != person.pk)
        return any(member.role == Role.OWNER and member.user.is_active for member in others)


def lock_members(project_id: str) -> Members:
    """Until the transaction ends nobody else changes who belongs to this project. Http404 where it is gone.

    Every such change takes this one lock first, so two owners can't leave at the same time. NO KEY: conversations
    and jobs may be added to the project meanwhile.
    """
    project = Project.objects.select_for_update(no_key=True).filter(pk=project_id).first()
    if project is None:
        raise Http404("There is no such project.")
    rows = list(Membership.objects.filter(project=project).select_related("user"))
    for row in rows:
        row.project = project
    return Members(project, {row.user_id: row for row in rows})
