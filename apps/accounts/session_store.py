"""Sessions where Django keeps them in the database, read by a query that is compiled once: every request asks it."""

from __future__ import annotations

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.lib.compiled import CompiledQuery, Parameter

LIVE = CompiledQuery(
    lambda: Session.objects.filter(session_key=Parameter("key"), expire_date__gt=Parameter("now")).order_by()
)


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        found = LIVE.first(key=self.session_key, now=timezone.now())
        if found is None:
            self._session_key = None
        return found
