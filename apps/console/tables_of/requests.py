"""People's requests for models."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.catalog.models import HostedModel
from apps.console.filters import Filter
from apps.console.tables import Column, Table
from apps.governance.models import AccessRequest, RequestState


def requests() -> QuerySet[AccessRequest]:
    return AccessRequest.objects.select_related("user", "hosted_model", "project", "decided_by")


def _with_state(rows: QuerySet[AccessRequest], state: str) -> QuerySet[AccessRequest]:
    return rows.filter(state=state)


def _of_model(rows: QuerySet[AccessRequest], model: str) -> QuerySet[AccessRequest]:
    return rows.filter(hosted_model=model)


def requests_table() -> Table[AccessRequest]:
    return Table(
        name="access-requests",
        title="Access requests",
        row="console/requests/_row.html",
        order="asked",
        search=("user__email", "user__display_name", "hosted_model__name", "reason"),
        search_title="Search by person, model or reason",
        empty_icon="bell",
        empty_title="Nobody has asked",
        empty_text="Who is refused a model can ask for it in place. What they ask for appears here.",
        filters=(
            Filter("state", "Any state", [(str(key), str(name)) for key, name in RequestState.choices], _with_state),
            Filter("model", "Any model", list(HostedModel.objects.values_list("pk", "name")), _of_model),
        ),
        columns=(
            Column("person", "Person", lambda each: each.user.email, ("user__display_name", "user__email")),
            Column("model", "Asks for", lambda each: each.hosted_model, ("hosted_model__name",)),
            Column("reason", "Because", lambda each: each.reason),
            # What is undecided has no time of decision, and comes first.
            Column("asked", "Asked", lambda each: each.created_at, ("decided_at", "created_at")),
            Column("state", "State", lambda each: each.get_state_display(), ("state",)),
            Column("by", "Decided by", lambda each: each.decided_by or "", ("decided_by__display_name",)),
        ),
    )
