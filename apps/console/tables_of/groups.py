"""Groups, with how many people are in them and how many models they may use."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db.models import Count

from apps.console.tables import Column, Table
from apps.governance.models import Grant


def _with_grants(groups: list[Group]) -> list[Group]:
    """Each with `live_grants`; one query for all of them."""
    live = Grant.objects.live().filter(group__in=groups).order_by().values_list("group_id").annotate(Count("pk"))
    counts = dict(live)
    for group in groups:
        group.live_grants = counts.get(group.pk, 0)  # type: ignore[attr-defined]
    return groups


GROUPS: Table[Group] = Table(
    name="groups",
    title="Groups",
    row="console/groups/_row.html",
    order="name",
    search=("name",),
    search_title="Search by name",
    empty_icon="layers",
    empty_title="No groups",
    empty_text="A group lets you give several people the use of a model at once.",
    prepare=_with_grants,
    columns=(
        Column("name", "Name", lambda each: each.name, ("name",)),
        Column("members", "People", lambda each: each.members, ("members",), numeric=True),  # type: ignore[attr-defined]
        Column("grants", "Grants", lambda each: each.live_grants, numeric=True),  # type: ignore[attr-defined]
    ),
)
