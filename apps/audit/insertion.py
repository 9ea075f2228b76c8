"""One event and those of its labels that are new, in one statement."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection

from apps.audit.labels import Text, new_label, remember_on_commit, remembered
from apps.audit.models import AuditEvent
from apps.lib.prepared import prepared_cursor

PERSON = "user"
"""The type of a target that is a person."""
COLUMNS = "action, outcome, actor_id, target_type, target_id, project_id, request_id, details"
INSERT = f"""
INSERT INTO audit_auditevent ({COLUMNS}, actor_ref, target_ref, ip_ref)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s)
RETURNING id, at, actor_ref, target_ref, ip_ref
"""  # noqa: S608  (the names of columns are put in)
# Labels that are there are used again, others are added. Two transactions may add the same one; then there are two of
# it, which harms nobody. A unique constraint would let one wait for the other, and both for ever.
INSERT_WITH_LABELS = f"""
WITH wanted (subject_id, text, ref, salt) AS (VALUES {{rows}}),
there AS (
    SELECT DISTINCT ON (l.subject_id, l.text) l.subject_id, l.text, l.ref
    FROM audit_label AS l JOIN wanted AS w ON l.subject_id = w.subject_id AND l.text = w.text
), added AS (
    INSERT INTO audit_label (subject_id, text, ref, salt)
    SELECT * FROM wanted AS w
    WHERE NOT EXISTS (SELECT FROM there AS t WHERE t.subject_id = w.subject_id AND t.text = w.text)
    RETURNING subject_id, text, ref
), found AS (SELECT * FROM there UNION ALL SELECT * FROM added)
INSERT INTO audit_auditevent ({COLUMNS}, actor_ref, target_ref, ip_ref)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, {{actor}}, {{target}}, {{ip}})
RETURNING id, at, actor_ref, target_ref, ip_ref
"""  # noqa: S608  (the names of columns and placeholders are put in)
LOOK_UP = "(SELECT ref FROM found WHERE subject_id = %s AND text = %s)"


def insert(event: AuditEvent) -> None:
    """Writes `event` and gives it what the database said: id, time, references. Raises DatabaseError."""
    actor, target, ip = _labels(event)
    with prepared_cursor() as cursor:
        cursor.execute(*_statement(_values(event), (actor, target, ip)))
        row: tuple[int, datetime, uuid.UUID | None, uuid.UUID | None, uuid.UUID | None] = cursor.fetchone()
    event.id, event.at, event.actor_ref, event.target_ref, event.ip_ref = row
    event._state.adding, event._state.db = False, connection.alias
    named = zip((actor, target, ip), row[2:], strict=True)
    if new := {label: ref for label, ref in named if ref and remembered(_database(), label) is None}:
        remember_on_commit(_database(), new)


def _labels(event: AuditEvent) -> tuple[Text, Text, Text]:
    """Actor, target and address of the client, each under the person whom it tells of, with whom it is erased. An
    address from which nobody did something to a person, such as a failed sign-in, is that person's."""
    whom = event.target_id if event.target_type == PERSON else ""
    return (
        Text(event.actor_id, event.actor_label),
        Text(event.target_of or event.target_id, event.target_label),
        Text(event.actor_id or whom, event.ip or ""),
    )


def _statement(values: list[Any], labels: Collection[Text]) -> tuple[str, list[Any]]:
    """SQL and parameters; where all labels are remembered, a plain INSERT."""
    known = {label: remembered(_database(), label) for label in labels if label.text}
    unknown = [label for label, ref in known.items() if ref is None]
    if not unknown:
        return INSERT, [*values, *(known.get(label) for label in labels)]
    made = [(label, new_label(label)) for label in unknown]
    parameters: list[Any] = [part for label, new in made for part in (label.subject_id, label.text, new.ref, new.salt)]
    parameters += values
    for label in labels:
        parameters += [label.subject_id, label.text] if label in unknown else [known.get(label)]
    places = ["%s" if label not in unknown else LOOK_UP for label in labels]
    rows = ", ".join(["(%s::text, %s::text, %s::uuid, %s::bytea)"] * len(made))
    actor, target, ip = places
    return INSERT_WITH_LABELS.format(rows=rows, actor=actor, target=target, ip=ip), parameters


def _values(event: AuditEvent) -> list[Any]:
    given = (event.action, event.outcome, event.actor_id, event.target_type, event.target_id, event.project_id)
    return [*given, event.request_id, json.dumps(event.details)]


def _database() -> str:
    return str(connection.settings_dict["NAME"])
