"""Ending sessions leaves a trace in the audit log."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession

from apps.accounts.actions.sessions import end_sessions


class SessionAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        by_user: dict[str, list[UserSession]] = {}
        for session in sessions:
            by_user.setdefault(session.user_id, []).append(session)
        for own in by_user.values():
            end_sessions(actor=own[0].user, person=own[0].user, sessions=own)
