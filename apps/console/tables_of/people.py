"""People and their place in this site."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from apps.accounts.actions.people import ADMIN
from apps.accounts.models import SiteRole, User
from apps.console.filters import Filter
from apps.console.tables import Column, Table

STATES = (("active", "Active"), ("deactivated", "Deactivated"))


def role_name(person: User) -> str:
    return "Administrator" if person.is_superuser else SiteRole(person.site_role).label


def _with_role(people: QuerySet[User], role: str) -> QuerySet[User]:
    if role == ADMIN:
        return people.filter(is_superuser=True)
    return people.filter(is_superuser=False, site_role="" if role == "member" else role)


def _with_state(people: QuerySet[User], state: str) -> QuerySet[User]:
    return people.filter(is_active=state == "active")


def _in_group(people: QuerySet[User], group: str) -> QuerySet[User]:
    return people.filter(groups=int(group)) if group.isdigit() else people.filter(groups=None)


def _with_groups(people: list[User]) -> list[User]:
    """Each with `group_names`; one query for all of them."""
    rows = User.groups.through.objects.filter(user__in=[person.pk for person in people])
    names: dict[str, list[str]] = {}
    for user_id, name in rows.order_by("group__name").values_list("user_id", "group__name"):
        names.setdefault(user_id, []).append(name)
    for person in people:
        person.group_names = names.get(person.pk, [])  # type: ignore[attr-defined]
        person.role_name = role_name(person)  # type: ignore[attr-defined]
    return people


def people_table() -> Table[User]:
    roles = ((ADMIN, "Administrators"), *((role, f"{role.label}s") for role in SiteRole if role), ("member", "Members"))
    groups = [(str(pk), name) for pk, name in Group.objects.order_by("name").values_list("pk", "name")]
    return Table(
        name="people",
        title="People",
        row="console/people/_row.html",
        order="name",
        search=("email", "display_name"),
        search_title="Search by name or email",
        empty_icon="users",
        empty_title="Nobody found",
        empty_text="No person here fits the search and the filters.",
        prepare=_with_groups,
        filters=(
            Filter("role", "Any role", [(str(key), str(name)) for key, name in roles], _with_role),
            Filter("group", "Any group", [*groups, ("none", "In no group")], _in_group),
            Filter("state", "Any state", STATES, _with_state),
        ),
        columns=(
            Column("name", "Name", str, ("display_name", "email")),
            Column("email", "Email", lambda each: each.email, only_exported=True),
            Column("role", "Role", role_name, ("is_superuser", "site_role")),
            Column("groups", "Groups", lambda each: ", ".join(each.group_names)),  # type: ignore[attr-defined]
            Column("state", "State", lambda each: "Active" if each.is_active else "Deactivated", ("is_active",)),
            Column("seen", "Last sign-in", lambda each: each.last_login, ("last_login",)),
            Column("joined", "Joined", lambda each: each.date_joined, ("date_joined",)),
        ),
    )


def members_of(group: Group) -> QuerySet[User]:
    return User.objects.filter(Q(groups=group)).order_by("display_name", "email", "pk")
