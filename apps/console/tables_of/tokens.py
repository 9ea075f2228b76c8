"""API tokens: whose, for which project, and whether they are used. What people call them is theirs to know."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.api.models import ApiToken
from apps.console.filters import Filter
from apps.console.tables import Column, Table

STATES = (("live", "Live"), ("expired", "Expired"), ("revoked", "Revoked"))


def state_of(token: ApiToken) -> str:
    if token.revoked_at:
        return "revoked"
    return "expired" if token.ended() else "live"


def _with_state(rows: QuerySet[ApiToken], state: str) -> QuerySet[ApiToken]:
    if state == "revoked":
        return rows.exclude(revoked_at=None)
    live = ApiToken.objects.live()
    return rows.filter(pk__in=live) if state == "live" else rows.filter(revoked_at=None).exclude(pk__in=live)


def _with_states(rows: list[ApiToken]) -> list[ApiToken]:
    for row in rows:
        row.state = state_of(row)  # type: ignore[attr-defined]
    return rows


TOKENS: Table[ApiToken] = Table(
    name="api-tokens",
    title="API tokens",
    row="console/tokens/_row.html",
    order="-made",
    search=("user__display_name", "user__email", "project__name", "hint"),
    search_title="Search by person, project or last characters",
    empty_icon="terminal",
    empty_title="No API tokens",
    empty_text="People make them in their account, for programs that ask models in their name.",
    prepare=_with_states,
    filters=(Filter("state", "Any state", STATES, _with_state),),
    columns=(
        Column("person", "Person", lambda each: each.user, ("user__display_name", "user__email")),
        Column("email", "Email", lambda each: each.user.email, only_exported=True),
        Column("project", "Project", lambda each: each.project, ("project__name",)),
        Column("hint", "Ends in", lambda each: each.hint),
        Column("made", "Made", lambda each: each.created_at, ("created_at",)),
        Column("used", "Last used", lambda each: each.last_used_at, ("last_used_at",)),
        Column("expires", "Until", lambda each: each.until, ("expires_at",)),
        Column("state", "State", state_of),
        Column("do", "Actions", lambda each: "", hidden_title=True),
    ),
)
