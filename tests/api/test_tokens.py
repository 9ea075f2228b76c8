"""API tokens: what lets a program in, what doesn't any more, and what is told of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from aiplatform import env
from apps.accounts.actions.people import deactivate, reactivate
from apps.accounts.errors import NotAllowed
from apps.accounts.export import export_of
from apps.api import access
from apps.api.access import token_of
from apps.api.actions import MAX_LIVE, create_token, revoke_token
from apps.api.models import ApiToken
from apps.audit.models import AuditEvent
from apps.generations.errors import Refused
from apps.lib.ids import hash_token
from apps.projects.actions.members import leave_project
from apps.projects.models import Membership, Project, Role
from tests.world import World

Made = tuple[ApiToken, str]


@pytest.fixture
def made(world: World) -> Made:
    return create_token(actor=world.editor, project=world.project, name="Notebook", days=30)


def used(header: str) -> ApiToken:
    return token_of(RequestFactory().get("/v1/models", headers={"authorization": header}))


def refused(header: str) -> str:
    with pytest.raises(Refused) as caught:
        used(header)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    return caught.value.message


def test_only_a_hash_of_a_token_is_kept(made: Made) -> None:
    token, raw = made
    assert access.TOKEN.fullmatch(raw)
    assert (token.token_hash, token.hint) == (hash_token(raw), raw[-4:])
    assert raw[4:] not in str(ApiToken.objects.values().get())


def test_a_token_says_who_asks_and_for_which_project(
    world: World, made: Made, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    used(f"Bearer {made[1]}")
    with django_assert_num_queries(1):
        token = used(f"bearer  {made[1]} ")
        assert (token, token.user, token.project) == (made[0], world.editor, world.project)


def test_its_use_is_noted_once_a_minute(made: Made) -> None:
    token, raw = made
    used(f"Bearer {raw}")
    token.refresh_from_db()
    first = token.last_used_at
    assert first
    assert timezone.now() - first < timedelta(seconds=30)
    used(f"Bearer {raw}")
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    used(f"Bearer {raw}")
    token.refresh_from_db()
    assert token.last_used_at
    assert token.last_used_at >= first


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic YTpi", "atr_" + "x" * 43])
def test_without_a_token_it_says_how_to_send_one(header: str) -> None:
    assert refused(header) == access.MISSING


@pytest.mark.parametrize("raw", ["atr_", "atr_" + "é" * 43, "atr_" + "x" * 44, "x" * 10_000, "atr_\x00", "a b"])
def test_what_no_token_looks_like_is_not_asked_of_the_database(raw: str) -> None:
    assert refused(f"Bearer {raw}") == access.UNKNOWN


@pytest.mark.django_db
def test_a_guess_opens_nothing_and_learns_nothing() -> None:
    assert refused("Bearer atr_" + "x" * 43) == access.UNKNOWN


def test_an_expired_token_opens_nothing(made: Made) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "has expired" in refused(f"Bearer {made[1]}")


def test_a_token_need_not_expire(world: World) -> None:
    token, raw = create_token(actor=world.owner, project=world.project, name="Server", days=None)
    assert token.expires_at is None
    assert used(f"Bearer {raw}") == token


def test_a_revoked_token_opens_nothing(world: World, made: Made) -> None:
    token, raw = made
    assert revoke_token(actor=world.editor, token=token)
    assert not revoke_token(actor=world.editor, token=token)
    assert "was revoked" in refused(f"Bearer {raw}")


def _gets_too_small_a_role(world: World) -> None:
    Membership.objects.filter(user=world.editor).update(role=Role.VIEWER)


def _leaves(world: World) -> None:
    leave_project(actor=world.editor, project=world.project)


def _is_deactivated(world: World) -> None:
    deactivate(actor=world.admin, person=world.editor)


def _project_is_archived(world: World) -> None:
    Project.objects.update(archived_at=timezone.now())


def _project_is_deleted(world: World) -> None:
    world.project.delete()


def _account_is_deleted(world: World) -> None:
    world.editor.delete()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_gets_too_small_a_role, "you are a viewer; this needs an editor"),
        (_leaves, "You are no longer a member of Lighthouse"),
        (_is_deactivated, "is deactivated"),
        (_project_is_archived, "Lighthouse is archived"),
        (_project_is_deleted, access.UNKNOWN),
        (_account_is_deleted, access.UNKNOWN),
    ],
)
def test_a_token_opens_no_more_than_its_person_may(
    world: World, made: Made, change: Callable[[World], None], told: str
) -> None:
    change(world)
    assert told in refused(f"Bearer {made[1]}")


def test_who_holds_an_ended_token_is_not_told_more(world: World, made: Made) -> None:
    revoke_token(actor=world.editor, token=made[0])
    _leaves(world)
    assert "was revoked" in refused(f"Bearer {made[1]}")


def test_a_reactivated_person_has_their_tokens_again(world: World, made: Made) -> None:
    _is_deactivated(world)
    reactivate(actor=world.admin, person=world.editor)
    assert used(f"Bearer {made[1]}")


def test_how_many_live_tokens_one_person_may_have(world: World) -> None:
    def another() -> Made:
        return create_token(actor=world.editor, project=world.project, name="One of many", days=30)

    tokens = [another()[0] for _ in range(MAX_LIVE)]
    with pytest.raises(NotAllowed, match=f"{MAX_LIVE} API tokens"):
        another()
    revoke_token(actor=world.editor, token=tokens[0])
    assert another()


def test_a_site_may_say_how_long_a_token_lives(world: World, made: Made, settings: Any) -> None:
    _, forever = create_token(actor=world.editor, project=world.project, name="Server", days=None)
    ApiToken.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert used(f"Bearer {made[1]}").until == used(f"Bearer {made[1]}").expires_at
    assert used(f"Bearer {forever}").until is None
    settings.API_TOKEN_DAYS = 7
    for raw in (made[1], forever):
        assert "has expired" in refused(f"Bearer {raw}")
    assert not ApiToken.objects.live().exists()
    settings.API_TOKEN_DAYS = 9
    assert used(f"Bearer {forever}").until == used(f"Bearer {made[1]}").until
    assert ApiToken.objects.live().count() == 2


@pytest.mark.parametrize(("written", "read"), [(None, None), ("", None), ("0", 0), ("30", 30)])
def test_how_the_longest_life_is_written(
    monkeypatch: pytest.MonkeyPatch, written: str | None, read: int | None
) -> None:
    monkeypatch.delenv("API_TOKEN_DAYS", raising=False)
    if written is not None:
        monkeypatch.setenv("API_TOKEN_DAYS", written)
    assert env.integer("API_TOKEN_DAYS", None, minimum=0) == read


def test_a_site_may_have_no_tokens(made: Made, settings: Any, django_assert_num_queries: Any) -> None:
    settings.API_TOKEN_DAYS = 0
    with django_assert_num_queries(0):
        assert refused(f"Bearer {made[1]}") == access.NONE_HERE


def test_a_person_takes_all_along_but_the_hash(world: World, made: Made) -> None:
    token, raw = made
    with zipfile.ZipFile(io.BytesIO(export_of(world.editor))) as files:
        text = files.read("api_tokens.json").decode()
    (row,) = json.loads(text)
    assert (row["name"], row["hint"], row["project"]) == (token.name, token.hint, world.project.pk)
    assert set(row) == {field.name for field in ApiToken._meta.fields} - {"user", "token_hash"}
    assert raw not in text
    assert token.token_hash not in text


def test_the_audit_log_has_neither_token_nor_hash_nor_name(world: World, made: Made) -> None:
    token, raw = made
    revoke_token(actor=world.owner, token=token)
    events = list(AuditEvent.objects.filter(target_id=token.pk).order_by("pk"))
    told = [(event.action, event.actor_id, event.project_id) for event in events]
    assert told == [
        ("api.token.created", world.editor.pk, world.project.pk),
        ("api.token.revoked", world.owner.pk, world.project.pk),
    ]
    kept = str(list(AuditEvent.objects.filter(target_id=token.pk).values()))
    assert all(secret not in kept for secret in (raw, token.token_hash, token.name))
