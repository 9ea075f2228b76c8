"""Invitations to sign up, and what became of them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import SignUpInvitation
from apps.console.filters import Filter
from apps.console.tables import Column, Table

STATES = (("open", "Open"), ("accepted", "Accepted"), ("revoked", "Revoked"), ("expired", "Expired"))


def state_of(invitation: SignUpInvitation) -> str:
    if invitation.accepted_at:
        return "accepted"
    if invitation.revoked_at:
        return "revoked"
    return "expired" if invitation.expires_at <= timezone.now() else "open"


def for_whom(invitation: SignUpInvitation) -> str:
    if invitation.email:
        return invitation.email
    left = invitation.accepted_at and invitation.accepted_by_id is None
    return "Somebody who has left" if left else "Anyone with the link"


def _with_state(rows: QuerySet[SignUpInvitation], state: str) -> QuerySet[SignUpInvitation]:
    if state == "accepted":
        return rows.exclude(accepted_at=None)
    if state == "revoked":
        return rows.exclude(revoked_at=None)
    waiting = rows.filter(accepted_at=None, revoked_at=None)
    return waiting.filter(expires_at__gt=Now()) if state == "open" else waiting.filter(expires_at__lte=Now())


def _with_states(rows: list[SignUpInvitation]) -> list[SignUpInvitation]:
    for row in rows:
        row.state = state_of(row)  # type: ignore[attr-defined]
        row.for_whom = for_whom(row)  # type: ignore[attr-defined]
    return rows


INVITATIONS: Table[SignUpInvitation] = Table(
    name="invitations",
    title="Invitations to sign up",
    row="console/invitations/_row.html",
    order="-created",
    search=("email", "created_by__display_name", "created_by__email"),
    search_title="Search by email",
    empty_icon="mail",
    empty_title="No invitations",
    empty_text="Invite someone, and their invitation appears here until it is used.",
    prepare=_with_states,
    filters=(Filter("state", "Any state", STATES, _with_state),),
    columns=(
        Column("email", "For", for_whom, ("email",)),
        Column("by", "From", lambda each: each.created_by or "", ("created_by__display_name",)),
        Column("created", "Made", lambda each: each.created_at, ("created_at",)),
        Column("expires", "Good until", lambda each: each.expires_at, ("expires_at",)),
        Column("state", "State", state_of),
        Column("do", "Actions", lambda each: "", hidden_title=True),
    ),
)
