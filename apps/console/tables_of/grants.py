"""Who was given what, by whom, until when."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.catalog.models import HostedModel
from apps.console.filters import Filter
from apps.console.tables import Column, Table
from apps.governance.models import Grant, Subject

STATES = (("live", "In force"), ("expired", "Expired"), ("revoked", "Revoked"))


def grants() -> QuerySet[Grant]:
    return Grant.objects.select_related("hosted_model", "model_version", "group", "project", "user", "created_by")


def state_of(grant: Grant) -> str:
    if grant.revoked_at:
        return "revoked"
    return "expired" if grant.expires_at and grant.expires_at <= timezone.now() else "live"


def limits_in_words(grant: Grant) -> str:
    return ", ".join(f"{name} ≤ {value:,}" for name, value in grant.max_params.items())


def _with_state(rows: QuerySet[Grant], state: str) -> QuerySet[Grant]:
    if state == "revoked":
        return rows.exclude(revoked_at=None)
    rows = rows.filter(revoked_at=None)
    if state == "expired":
        return rows.filter(expires_at__lte=Now())
    return rows.filter(Q(expires_at=None) | Q(expires_at__gt=Now()))


def _with_states(rows: list[Grant]) -> list[Grant]:
    for row in rows:
        row.state = state_of(row)  # type: ignore[attr-defined]
        row.limits = limits_in_words(row)  # type: ignore[attr-defined]
    return rows


def _of_model(rows: QuerySet[Grant], model: str) -> QuerySet[Grant]:
    return rows.filter(hosted_model=model)


def _to(rows: QuerySet[Grant], subject: str) -> QuerySet[Grant]:
    return rows.filter(subject_type=subject)


def grants_table() -> Table[Grant]:
    return Table(
        name="grants",
        title="Grants",
        row="console/grants/_row.html",
        order="-made",
        search=("hosted_model__name", "group__name", "project__name", "user__display_name", "user__email", "note"),
        search_title="Search by model, person, group or project",
        empty_icon="key-round",
        empty_title="Nothing is granted",
        empty_text="Without a grant nobody generates anything. Begin with everyone, or with a group.",
        prepare=_with_states,
        filters=(
            Filter("model", "Any model", list(HostedModel.objects.values_list("pk", "name")), _of_model),
            Filter("to", "To anybody", [(str(value), str(name)) for value, name in Subject.choices], _to),
            Filter("state", "Any state", STATES, _with_state),
        ),
        columns=(
            Column("model", "Model", lambda each: each.hosted_model, ("hosted_model__name",)),
            Column("to", "For", lambda each: each.subject_label, ("subject_type", "group__name", "user__email")),
            Column("limits", "Limits", limits_in_words),
            Column("expires", "Until", lambda each: each.expires_at, ("expires_at",)),
            Column("made", "Granted", lambda each: each.created_at, ("created_at",)),
            Column("by", "By", lambda each: each.created_by or "", ("created_by__display_name",)),
            Column("state", "State", state_of),
            Column("do", "Actions", lambda each: "", hidden_title=True),
        ),
    )
