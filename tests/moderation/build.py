"""A kind of thing to report that is there without the rooms above: projects, which strangers may not see."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.shortcuts import get_object_or_404

from apps.accounts.models import SiteRole, User
from apps.moderation import kinds
from apps.moderation.access import get_thing_for
from apps.moderation.actions.decisions import decide
from apps.moderation.actions.reports import report_thing
from apps.moderation.models import Case, Decision, Report
from apps.projects.access import get_project_for
from apps.projects.models import Membership, Project, Role
from tests.world import World

KIND = "test_project"


def find(user: User | AnonymousUser | None, thing_id: str) -> Project:
    return get_object_or_404(Project, pk=thing_id) if user is None else get_project_for(user, thing_id)


def owner_of(project: Project) -> User | None:
    membership = Membership.objects.filter(project=project, role=Role.OWNER).select_related("user").first()
    return membership.user if membership else None


def mark(project: Project, reason: str) -> None:
    Project.objects.filter(pk=project.pk).update(description=f"Hidden: {reason}")


def unmark(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(description="")


kinds.register(
    KIND,
    kinds.KindOfThing(
        noun="project",
        find=find,
        describe=lambda project: kinds.Description(project.name, f"About {project.name}"),
        url=lambda project: f"/p/{project.pk}/",
        author=owner_of,
        hide=mark,
        restore=unmark,
    ),
)


def moderator(name: str = "mo") -> User:
    return User.objects.create_user(f"{name}@example.org", "x", display_name=name.title(), site_role=SiteRole.MODERATOR)


def report(world: World, actor: User, reason: str = Report.Reason.SPAM, text: str = "") -> Report:
    """`actor` reports the world's project, which is by its owner."""
    about, thing = get_thing_for(actor, KIND, world.project.pk)
    return report_thing(
        actor=actor, kind=KIND, thing_id=world.project.pk, about=about, thing=thing, reason=reason, text=text
    )


def decided(
    world: World, by: User, outcome: str = Decision.Outcome.HIDE, reason: str = "It is an advertisement."
) -> Decision:
    """The viewer reports, `by` decides."""
    case: Case = report(world, world.viewer).case
    last = case.decisions.first()
    return decide(actor=by, case=case, outcome=outcome, reason=reason, seen=last.pk if last else "")
