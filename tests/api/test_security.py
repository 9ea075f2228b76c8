"""What comes in with a token and what doesn't: cookies open nothing there, and guesses are counted."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from apps.api import guesses
from apps.api.access import UNKNOWN, token_of
from apps.api.actions import create_token, revoke_token
from apps.audit.models import AuditEvent
from apps.generations.errors import Refused
from tests.accounts.people import sign_in
from tests.world import World


@csrf_exempt
def whoami(request: HttpRequest) -> JsonResponse:
    try:
        token = token_of(request)
    except Refused as refusal:
        return JsonResponse(
            {"told": refusal.message, "user": str(request.user), **refusal.details}, status=refusal.status
        )
    return JsonResponse({"project": token.project_id, "user": request.user.email})


urlpatterns = [path("v1/whoami", whoami)]


@pytest.fixture
def raw(world: World) -> str:
    return create_token(actor=world.editor, project=world.project, name="Notebook", days=30)[1]


@pytest.fixture
def program(world: World, settings: Any) -> Client:
    """From an address of its own: guesses are counted by address."""
    settings.ROOT_URLCONF = __name__
    return Client(REMOTE_ADDR=f"2001:db8:{secrets.randbelow(65536):x}:{secrets.randbelow(65536):x}::1")


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has let no token in yet."""
    monkeypatch.setattr(guesses, "_known", {})


def asked(client: Client, raw: str, method: str = "get") -> tuple[int, dict[str, str]]:
    headers = {"authorization": f"Bearer {raw}"} if raw else {}
    response = getattr(client, method)("/v1/whoami", headers=headers)
    return response.status_code, response.json()


def guess() -> str:
    return f"atr_{secrets.token_urlsafe(32)}"


@pytest.mark.parametrize("method", ["get", "post"])
def test_cookies_open_nothing_and_say_nothing(world: World, program: Client, raw: str, method: str) -> None:
    sign_in(program, world.owner, fresh=True)
    status, said = asked(program, "", method)
    assert (status, said["user"]) == (401, "AnonymousUser")
    assert asked(program, raw, method) == (200, {"project": world.project.pk, "user": "editor@example.org"})


def test_a_token_leaves_no_session(program: Client, raw: str) -> None:
    assert asked(program, raw)[0] == 200
    assert not program.cookies


def test_guesses_are_stopped_before_the_database_is_asked(
    program: Client, raw: str, settings: Any, django_assert_num_queries: Any
) -> None:
    amount = int(settings.ACCOUNT_RATE_LIMITS["api_token"].partition("/")[0])
    found = {asked(program, guess(), "post" if number % 2 else "get")[1]["told"] for number in range(amount)}
    assert found == {UNKNOWN}
    with django_assert_num_queries(0):
        status, said = asked(program, guess())
    assert (status, said["told"], said["starts_in"]) == (429, guesses.TOO_MANY, 60)
    assert asked(program, raw)[0] == 429, "a good one that this process hasn't seen is no better"
    assert asked(Client(REMOTE_ADDR="192.0.2.7"), raw)[0] == 200, "other addresses aren't touched"
    assert asked(program, raw)[0] == 200, "now it is known"


def test_the_audit_log_tells_of_guessing_once_not_of_each_guess(program: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"api_token": "3/m/ip"}
    guessed = AuditEvent.objects.filter(action="api.token.guessed")
    assert [asked(program, guess())[0] for _ in range(2)] == [401, 401]
    assert not guessed.exists(), "that may be a slip"
    assert [asked(program, guess())[0] for _ in range(4)] == [401, 429, 429, 429]
    event = guessed.get()
    assert (event.outcome, event.actor_id, event.ip) == ("denied", "", program.defaults["REMOTE_ADDR"])
    assert event.details == {"guesses": 3, "seconds": 60}
    settings.ACCOUNT_RATE_LIMITS = {"api_token": "2/m/ip"}  # counted anew, as a minute later
    assert [asked(program, guess())[0] for _ in range(3)] == [401, 401, 429]
    assert guessed.count() == 1, "one who goes on is told of once an hour"
    other = Client(REMOTE_ADDR=f"192.0.2.{secrets.randbelow(255)}")
    assert [asked(other, guess())[0] for _ in range(3)] == [401, 401, 429]
    assert guessed.count() == 2


def test_what_is_no_guess_is_not_counted(world: World, program: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"api_token": "1/m/ip"}
    token, ended = create_token(actor=world.editor, project=world.project, name="Old", days=30)
    revoke_token(actor=world.editor, token=token)
    for raw in ("", "nonsense", ended, ended):
        assert asked(program, raw)[0] == 401
    assert [asked(program, guess())[0] for _ in range(2)] == [401, 429]


def test_without_redis_a_token_is_still_good(program: Client, raw: str, settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert asked(program, raw)[0] == 200
    assert asked(program, guess())[0] == 401
