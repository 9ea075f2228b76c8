"""The only way in for programs: the token that a request carries. Sessions and cookies open nothing here."""

from __future__ import annotations

import re
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import User
from apps.api.models import ApiToken
from apps.generations.errors import Refused
from apps.lib.compiled import CompiledQuery, Parameter
from apps.lib.ids import hash_token
from apps.projects.access import in_projects_of, require
from apps.projects.models import Role

PREFIX = "atr_"
TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
NOTED_EVERY = timedelta(minutes=1)
MISSING = "Send an API token in the header “Authorization: Bearer …”. You make one on this site, under API tokens."
UNKNOWN = "This API token is not known here. Check that it is whole, or make a new one on this site, under API tokens."


class ApiRequest(HttpRequest):
    """A request of a program: its person and its token are known."""

    user: User
    token: ApiToken


def token_of(request: HttpRequest) -> ApiToken:
    """The token that `request` carries, with its person and its project; one query, and a note of its use each minute.

    Raises Refused: 401 for whatever opens nothing now. Only who holds a token that was good once is told why.
    """
    raw = _bearer(request)
    # A guess that no token looks like costs the database nothing.
    token_hash = hash_token(raw) if TOKEN.fullmatch(raw) else None
    token = WITH_ROLE.first(token_hash=token_hash) if token_hash else None
    if token is None:
        raise _refused(_why_not(token_hash))
    if ended := token.ended():
        raise _refused(_ended(ended))
    try:
        has = Role(token.role_there)  # type: ignore[attr-defined]  # annotated
        require(token.project, has, Role.EDITOR, writable=True)
    except PermissionDenied as denied:
        raise _refused(str(denied)) from denied
    _note_use(token)
    return token


def _tokens() -> QuerySet[ApiToken]:
    # As in `apps.projects.access`: whoever is deactivated or left has no role, and their tokens none either.
    chosen = ApiToken.objects.filter(token_hash=Parameter("token_hash")).select_related("user")
    return in_projects_of(F("user"), chosen).order_by()


WITH_ROLE = CompiledQuery(_tokens)


def _bearer(request: HttpRequest) -> str:
    scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not raw.strip():
        raise _refused(MISSING)
    return raw.strip()


def _why_not(token_hash: str | None) -> str:
    """Of a token that opens no project of its person's."""
    tokens = ApiToken.objects.select_related("user", "project")
    token = tokens.filter(token_hash=token_hash).first() if token_hash else None
    if token is None:
        return UNKNOWN
    if ended := token.ended():
        return _ended(ended)
    if not token.user.is_active:
        return "The account of this API token is deactivated. Ask an administrator of this site to reactivate it."
    return f"You are no longer a member of {token.project}, which this API token is for. Make one for another project."


def _ended(ended: str) -> str:
    return f"This API token {ended}. Make a new one on this site, under API tokens."


def _refused(message: str) -> Refused:
    return Refused(status=401, code="invalid_api_key", message=message)


def _note_use(token: ApiToken) -> None:
    """At most one small statement a minute, however many requests there are, and processes that answer them."""
    if token.last_used_at and timezone.now() - token.last_used_at < NOTED_EVERY:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lt=Now() - NOTED_EVERY)
    ApiToken.objects.filter(due, pk=token.pk).update(last_used_at=Now())
