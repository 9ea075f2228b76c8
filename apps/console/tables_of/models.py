"""The catalogue as those see it who govern it."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from apps.catalog.models import HostedModel, ModelState
from apps.console.filters import Filter
from apps.console.tables import Column, Table
from apps.governance.models import Grant, KillSwitch

STOPPED = (("no", "Running"), ("yes", "Stopped"))


def models() -> QuerySet[HostedModel]:
    return HostedModel.objects.select_related("default_version").annotate(version_count=Count("versions"))


def _with_grants(rows: list[HostedModel]) -> list[HostedModel]:
    """Each with `live_grants`, `everyone` and `stop`; two queries for all of them."""
    live = Grant.objects.live().filter(hosted_model__in=rows).order_by()
    counts = dict(live.values_list("hosted_model").annotate(Count("pk")))
    everyone = set(live.filter(subject_type="everyone").values_list("hosted_model_id", flat=True))
    stops = {stop.hosted_model_id: stop for stop in KillSwitch.objects.thrown().filter(hosted_model__in=rows)}
    for row in rows:
        row.live_grants = counts.get(row.pk, 0)  # type: ignore[attr-defined]
        row.everyone = row.pk in everyone  # type: ignore[attr-defined]
        row.stop = stops.get(row.pk)  # type: ignore[attr-defined]
    return rows


def _with_state(rows: QuerySet[HostedModel], state: str) -> QuerySet[HostedModel]:
    return rows.filter(state=state)


def _stopped(rows: QuerySet[HostedModel], stopped: str) -> QuerySet[HostedModel]:
    thrown = KillSwitch.objects.thrown().exclude(hosted_model=None).values("hosted_model")
    return rows.filter(pk__in=thrown) if stopped == "yes" else rows.exclude(pk__in=thrown)


def _licence(model: HostedModel) -> str:
    return model.default_version.license_id if model.default_version else ""


MODELS: Table[HostedModel] = Table(
    name="models",
    title="Models",
    row="console/models/_row.html",
    order="name",
    search=("id", "name", "default_version__license_id", "default_version__source"),
    search_title="Search by name, licence or source",
    empty_icon="boxes",
    empty_title="No models",
    empty_text="Install one of the hub, or add one that another server runs.",
    prepare=_with_grants,
    filters=(
        Filter("state", "Any state", [(str(value), str(name)) for value, name in ModelState.choices], _with_state),
        Filter("stopped", "Stopped or not", STOPPED, _stopped),
    ),
    columns=(
        Column("name", "Name", lambda each: each.name, ("name",)),
        Column("id", "Id", lambda each: each.pk, ("id",)),
        Column("state", "State", lambda each: each.get_state_display(), ("state",)),
        Column("stop", "Runs", lambda each: each.stop.message if each.stop else "yes"),  # type: ignore[attr-defined]
        Column("licence", "Licence", _licence, ("default_version__license_id",)),
        Column("versions", "Versions", lambda each: each.version_count, ("version_count",), numeric=True),  # type: ignore[attr-defined]
        Column("grants", "Grants", lambda each: each.live_grants, numeric=True),  # type: ignore[attr-defined]
    ),
)
