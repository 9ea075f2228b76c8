"""Writing to the audit log. No audit, no action: what can't be written there must not happen."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from django.db import DatabaseError, transaction

from apps.audit.insertion import insert
from apps.audit.labels import MAX_CHARS
from apps.audit.models import AuditEvent
from apps.audit.registry import require
from apps.lib import context

JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"


class AuditUnavailable(Exception):
    """The event could not be written; the transaction it belongs to must end with it."""


class Actor(Protocol):
    """Who did it. Where there is an `email`, it becomes the label; otherwise `str(actor)`."""

    @property
    def pk(self) -> Any: ...


class Target(NamedTuple):
    """What it was done to: a noun such as "project", its id, and the name it had at the time.

    `of` is the id of the person whom that name tells of, where the target is another thing than they: it is erased
    with them.
    """

    type: str
    id: str
    label: str = ""
    of: str = ""


def record(
    action: str,
    *,
    actor: Actor | None = None,
    target: Target | None = None,
    project_id: str = "",
    outcome: str = AuditEvent.Outcome.ALLOWED,
    **details: JSON,
) -> AuditEvent:
    """Write one event in the caller's transaction, with the request id and the client's address.

    Ids, counts and names of settings belong in `details`; secrets and texts that people wrote do not.
    Raises UnknownAction, or AuditUnavailable where the database refuses.
    """
    require(action)
    event = AuditEvent(
        action=action,
        outcome=AuditEvent.Outcome(outcome),
        actor_id=str(actor.pk or "") if actor else "",
        target_type=target.type if target else "",
        target_id=str(target.id) if target else "",
        project_id=project_id,
        request_id=context.request_id.get(),
        details=details,
    )
    event.actor_label = label_of(actor)
    event.target_label = target.label[:MAX_CHARS] if target else ""
    event.target_of = target.of if target else ""
    event.ip = _address(context.client_ip.get())
    try:
        # No savepoint: the caller's transaction must end with the event, and says so to whoever would go on in it.
        with transaction.atomic(savepoint=False):
            insert(event)
    except DatabaseError as error:
        raise AuditUnavailable(f"{action} could not be written to the audit log.") from error
    return event


def record_denied(
    action: str,
    *,
    actor: Actor | None = None,
    target: Target | None = None,
    project_id: str = "",
    **details: JSON,
) -> AuditEvent:
    """Write that somebody was refused, in a transaction of its own.

    Call it after the refused transaction has ended: inside one, where a rollback would take the event away, it raises
    RuntimeError.
    """
    with transaction.atomic(durable=True):
        denied = AuditEvent.Outcome.DENIED
        return record(action, actor=actor, target=target, project_id=project_id, outcome=denied, **details)


def label_of(actor: Actor | None) -> str:
    if actor is None:
        return ""
    return str(getattr(actor, "email", "") or actor)[:MAX_CHARS]


def _address(text: str) -> str:
    """The address in one way of writing it; "" for a Unix socket or anything else."""
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
