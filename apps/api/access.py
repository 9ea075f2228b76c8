"""The only way in for programs, by the token that a request carries; and the only way to the tokens themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.http import Http404, HttpRequest
from django.utils import timezone

from apps.accounts.models import User
from apps.api.guesses import refuse_guessing, was_a_guess, was_known
from apps.api.models import ApiCall, ApiToken, ApiTokenQuerySet
from apps.generations.errors import Refused
from apps.lib.compiled import CompiledQuery, Parameter
from apps.lib.ids import hash_token, is_id
from apps.projects.access import in_projects_of, require
from apps.projects.models import Membership, Project, Role

PREFIX = "atr_"
TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
NOTED_EVERY = timedelta(minutes=1)
RECENT_DAYS = 30
MISSING = "Send an API token in the header “Authorization: Bearer …”. You make one on this site, under API tokens."
NONE_HERE = "This site takes no API tokens: whoever runs it has switched them off."
UNKNOWN = "This API token is not known here. Check that it is whole, or make a new one on this site, under API tokens."


class ApiRequest(HttpRequest):
    """A request of a program: its person and its token are known."""

    user: User
    token: ApiToken


def token_of(request: HttpRequest) -> ApiToken:
    """The token that `request` carries, with its person and its project; one query, and a note of its use each minute.
    From here on the request is that person's: whose cookies came with it doesn't matter.

    Raises Refused: 401 for whatever opens nothing now, 429 where too many unknown tokens came from one address. Only
    who holds a token that was good once is told why.
    """
    request.user = AnonymousUser()
    if not are_allowed():
        raise _refused(NONE_HERE)
    raw = _bearer(request)
    if not TOKEN.fullmatch(raw):  # costs the database nothing
        raise _refused(UNKNOWN)
    token_hash = hash_token(raw)
    refuse_guessing(request, token_hash)
    token = WITH_ROLE.first(token_hash=token_hash)
    if token is None:
        raise _refused(_why_not(request, token_hash))
    if hindrance := _hindrance(token, Role(token.role_there)):  # type: ignore[attr-defined]  # annotated
        raise _refused(hindrance)
    was_known(token_hash)
    _note_use(token)
    request.user = token.user
    return token


def are_allowed() -> bool:
    """Whether there are API tokens on this site."""
    return bool(settings.API_TOKEN_DAYS != 0)


def tokens() -> ApiTokenQuerySet:
    """Everybody's, ended ones too: for the console."""
    return ApiToken.objects.select_related("user", "project")


def tokens_of(user: User) -> ApiTokenQuerySet:
    return tokens().filter(user=user)


def tokens_of_project(project: Project) -> ApiTokenQuerySet:
    """The caller has checked that an owner of it asks."""
    return tokens().filter(project=project)


def get_token(token_id: str, among: ApiTokenQuerySet | None = None) -> ApiToken:
    """Http404 where there is no such, or it is not `among` these."""
    rows = tokens() if among is None else among
    token = rows.filter(pk=token_id).first() if is_id(token_id) else None
    if token is None:
        raise Http404("There is no such API token.")
    return token


def hindrances(of: Iterable[ApiToken]) -> list[tuple[ApiToken, str]]:
    """Each with why it opens nothing now, as a sentence to its person; "" where it does. One query more."""
    asked = list(of)
    people, projects = {token.user_id for token in asked}, {token.project_id for token in asked}
    members = Membership.objects.filter(user__in=people, project__in=projects)
    roles = {(user, project): role for user, project, role in members.values_list("user_id", "project_id", "role")}
    return [(token, _hindrance(token, roles.get((token.user_id, token.project_id)))) for token in asked]


class Use(NamedTuple):
    """Of a token, in the last RECENT_DAYS: how often a model was asked with it, and device time."""

    requests: int = 0
    device_seconds: float = 0.0


def recent_use(of: Iterable[ApiToken]) -> dict[str, Use]:
    """By token; without those that weren't used."""
    calls = ApiCall.objects.filter(token__in=list(of), created_at__gt=Now() - timedelta(days=RECENT_DAYS))
    sums = calls.values_list("token").annotate(Count("pk"), Sum("job__device_ms")).order_by()
    return {str(token): Use(number, (milliseconds or 0.0) / 1000) for token, number, milliseconds in sums}


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


def _why_not(request: HttpRequest, token_hash: str) -> str:
    """Of a token that is in no project of its person's."""
    if token := tokens().filter(token_hash=token_hash).first():
        return _hindrance(token, None)
    was_a_guess(request)
    return UNKNOWN


def _hindrance(token: ApiToken, has: int | None) -> str:
    """`has`: the role of the person in the project."""
    if ended := token.ended():
        return f"This API token {ended}. Make a new one on this site, under API tokens."
    if not token.user.is_active:
        return "The account of this API token is deactivated. Ask an administrator of this site to reactivate it."
    if has is None:
        return f"You are no longer a member of {token.project}. Make an API token for another project."
    try:
        require(token.project, Role(has), Role.EDITOR, writable=True)
    except PermissionDenied as denied:
        return str(denied)
    return ""


def _refused(message: str) -> Refused:
    return Refused(status=401, code="invalid_api_key", message=message)


def _note_use(token: ApiToken) -> None:
    """At most one small statement a minute, however many requests there are, and processes that answer them."""
    if token.last_used_at and timezone.now() - token.last_used_at < NOTED_EVERY:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lt=Now() - NOTED_EVERY)
    ApiToken.objects.filter(due, pk=token.pk).update(last_used_at=Now())
