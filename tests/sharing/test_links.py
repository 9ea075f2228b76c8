"""Links: what opens, what doesn't any more, and who may end them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import Http404
from django.test import Client
from django.utils import timezone

from apps.accounts.export import export_of
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.lib.ids import hash_token
from apps.sharing.access import get_link_for, links_of, open_link
from apps.sharing.actions import create_link, revoke_link
from apps.sharing.kinds import kind_called
from apps.sharing.models import ShareLink
from tests.world import World

KIND = "thing"


@pytest.fixture
def made(world: World) -> tuple[ShareLink, str]:
    return create_link(actor=world.editor, kind=KIND, target_id="t1", label="Tides", project=world.project)


def refused(token: str, kind: str = KIND) -> None:
    with pytest.raises(Http404):
        open_link(token, kind)


def test_only_the_hash_of_a_token_is_kept(made: tuple[ShareLink, str]) -> None:
    link, token = made
    assert len(token) == 43
    assert link.token_hash == hash_token(token)
    assert token not in str(ShareLink.objects.values().get())


def test_a_live_link_opens_and_counts(made: tuple[ShareLink, str]) -> None:
    link, token = made
    assert open_link(token, KIND).target_id == "t1"
    open_link(token, KIND, count=True)
    link.refresh_from_db()
    assert (link.opened, link.opened_at is not None) == (1, True)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "short", "x" * 43, "\x00" * 43, "é" * 43, "a" * 10_000])
def test_nothing_opens_by_a_guess(token: str) -> None:
    refused(token)


def test_a_link_opens_no_other_kind(made: tuple[ShareLink, str]) -> None:
    refused(made[1], "prompt")


def test_an_expired_link_opens_nothing(world: World) -> None:
    _, token = create_link(
        actor=world.editor, kind=KIND, target_id="t1", expires_at=timezone.now() - timedelta(seconds=1)
    )
    refused(token)
    _, token = create_link(
        actor=world.editor, kind=KIND, target_id="t1", expires_at=timezone.now() + timedelta(minutes=1)
    )
    assert open_link(token, KIND)


def test_a_revoked_link_opens_nothing(world: World, made: tuple[ShareLink, str]) -> None:
    link, token = made
    assert revoke_link(actor=world.editor, link=link)
    assert not revoke_link(actor=world.editor, link=link)
    refused(token)
    actions = AuditEvent.objects.filter(target_id="t1").values_list("action", flat=True).order_by("pk")
    assert list(actions) == ["share.created", "share.revoked"]


def test_links_of_a_suspended_account_open_nothing(world: World, made: tuple[ShareLink, str]) -> None:
    User.objects.filter(pk=world.editor.pk).update(is_active=False)
    refused(made[1])


def test_the_author_and_owners_of_the_project_may_revoke(world: World, made: tuple[ShareLink, str]) -> None:
    for person in (world.editor, world.owner):
        assert get_link_for(person, made[0].pk) == made[0]
    for person in (world.viewer, world.stranger, world.admin):
        with pytest.raises(Http404):
            get_link_for(person, made[0].pk)


def test_pages_show_and_revoke(world: World, client: Client, made: tuple[ShareLink, str]) -> None:
    client.force_login(world.editor)
    page = client.get("/me/links/")
    assert b"Tides" in page.content
    assert made[1].encode() not in page.content
    assert client.post(f"/me/links/{made[0].pk}/revoke/").status_code == 302
    refused(made[1])
    assert b"revoked" in client.get("/me/links/").content
    client.force_login(world.owner)
    assert b"Tides" in client.get(f"/p/{world.project.pk}/links/").content


def test_people_take_their_links_with_them(world: World, made: tuple[ShareLink, str]) -> None:
    assert links_of(world.editor).count() == 1
    assert export_of(world.editor)
    world.editor.delete()
    refused(made[1])


def test_a_kind_that_nobody_registered_has_a_name() -> None:
    assert kind_called("some_thing").noun == "some thing"
