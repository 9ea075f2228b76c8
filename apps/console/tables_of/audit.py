"""The audit log: a million events, of which a page shows the newest that match."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, time

from django.db.models import QuerySet
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.audit.registry import registered
from apps.audit.search import naming
from apps.console.filters import Filter, Options, day_of
from apps.console.tables import Column, Table

Narrow = Callable[[QuerySet[AuditEvent], str], QuerySet[AuditEvent]]


def events() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.all()


def audit_table() -> Table[AuditEvent]:
    return Table(
        name="audit-log",
        title="Audit log",
        row="console/audit/_row.html",
        order="-at",
        by_key=True,
        empty_icon="scroll-text",
        empty_title="Nothing has happened yet",
        empty_text="Sign-ins, changes of roles, installed models and generations appear here as they happen.",
        filters=(
            Filter("action", "Any action", _actions(), _done, heading=_noun),
            Filter("outcome", "Any outcome", _outcomes(), _equal("outcome")),
            Filter("actor", "Who", (), _named("actor"), kind="words"),
            Filter("target", "To what", (), _named("target"), kind="words"),
            Filter("project", "Project id", (), _equal("project_id"), kind="words"),
            Filter("since", "From", (), _from, kind="day"),
            Filter("until", "To", (), _to, kind="day", after="since"),
        ),
        columns=COLUMNS,
    )


COLUMNS: tuple[Column[AuditEvent], ...] = (
    Column("id", "Event", lambda each: each.pk, only_exported=True),
    Column("what", "What", lambda each: each.sentence),
    Column("action", "Action", lambda each: each.action, only_exported=True),
    Column("who", "Who", lambda each: each.actor_label),
    Column("actor", "Id of who", lambda each: each.actor_id, only_exported=True),
    Column("kind", "Kind of target", lambda each: each.target_type, only_exported=True),
    Column("target", "Id of target", lambda each: each.target_id, only_exported=True),
    Column("to", "To what", lambda each: each.target_name),
    Column("at", "When", lambda each: each.at.isoformat(), ("id",)),
    Column("outcome", "Outcome", lambda each: each.outcome),
    Column("project", "Project id", lambda each: each.project_id, only_exported=True),
    Column("request", "Request", lambda each: each.request_id, only_exported=True),
    Column("ip", "From address", lambda each: each.ip, only_exported=True),
    Column("details", "Details", lambda each: json.dumps(each.details, ensure_ascii=False), only_exported=True),
)


def _noun(action: str) -> str:
    return action.partition(".")[0].capitalize()


def _actions() -> Options:
    """Every registered action; "project." stands for all of that group."""
    known = sorted(registered().items())
    nouns = sorted({f"{action.partition('.')[0]}." for action, _ in known})
    every = [(noun, f"Everything about {noun.removesuffix('.')}") for noun in nouns]
    return sorted([*every, *known], key=lambda option: (_noun(option[0]), option[0]))


def _outcomes() -> Options:
    return [(str(value), str(name)) for value, name in AuditEvent.Outcome.choices]


def _done(rows: QuerySet[AuditEvent], action: str) -> QuerySet[AuditEvent]:
    return rows.filter(**{"action__startswith" if action.endswith(".") else "action": action})


def _equal(field: str) -> Narrow:
    return lambda rows, text: rows.filter(**{field: text})


def _named(field: str) -> Narrow:
    return lambda rows, text: naming(rows, field, text)


def _from(rows: QuerySet[AuditEvent], day: str) -> QuerySet[AuditEvent]:
    return rows.filter(at__gte=_moment(day, time.min))


def _to(rows: QuerySet[AuditEvent], day: str) -> QuerySet[AuditEvent]:
    return rows.filter(at__lte=_moment(day, time.max))


def _moment(day: str, at: time) -> datetime:
    """Days are whole days of the site's time zone. The filter has seen that it is one."""
    found = day_of(day)
    assert found is not None
    return timezone.make_aware(datetime.combine(found, at))
