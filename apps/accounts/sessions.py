"""Whose a session is, asked again while something stays open that began with it: a socket, a stream."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from apps.accounts.models import User
from apps.lib.compiled import CompiledQuery, Parameter

PERSON = CompiledQuery(lambda: User.objects.filter(pk=Parameter("person")).order_by())


def signed_in(session_key: str) -> User | None:
    """The person of a session that is stored, not over, and was opened with the password of now."""
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key).load()
    user = PERSON.first(person=session.get(SESSION_KEY, ""))
    if user is None or not user.is_active:
        return None
    given = session.get(HASH_SESSION_KEY, "")
    valid = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return user if any(constant_time_compare(given, known) for known in valid) else None
