"""The API tokens that open a project, for its owners: on the page of its members."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.api.actions import create_token, revoke_token
from apps.api.models import ApiToken
from apps.audit.models import AuditEvent
from apps.moderation.models import Notice
from apps.projects.models import Membership, Project, Role
from tests.accounts.people import sign_in
from tests.world import World


@pytest.fixture
def token(world: World) -> ApiToken:
    return create_token(actor=world.editor, project=world.project, name="Tide watcher", days=30)[0]


@pytest.fixture
def page(world: World) -> str:
    return reverse("project_members", args=[world.project.pk])


def as_(client: Client, world: World, person: str) -> Client:
    sign_in(client, world.person(person))
    return client


def test_an_owner_sees_whose_each_is_and_never_the_secret(
    world: World, client: Client, token: ApiToken, page: str
) -> None:
    elsewhere = Project.objects.create(name="Elsewhere")
    create_token(actor=world.editor, project=elsewhere, name="Not of here", days=30)
    expired, revoked = (
        create_token(actor=world.owner, project=world.project, name=name, days=30)[0] for name in ("Old", "Lost")
    )
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    revoke_token(actor=world.owner, token=revoked)
    response = as_(client, world, "owner").get(page)
    section = response.content.decode().partition('id="tokens"')[2].partition("</section>")[0]
    assert all(told in section for told in ("Editor", "Tide watcher", f"…{token.hint}", "made", "never used", "until"))
    assert not [told for told in ("Not of here", "Old", "Lost", token.token_hash) if told in section]


@pytest.mark.parametrize("person", ["viewer", "editor"])
def test_other_members_see_none(world: World, client: Client, token: ApiToken, page: str, person: str) -> None:
    shown = as_(client, world, person).get(page).content.decode()
    assert "Tide watcher" not in shown
    assert 'id="tokens"' not in shown


def test_one_that_opens_nothing_now_is_listed_for_it_may_again(
    world: World, client: Client, token: ApiToken, page: str
) -> None:
    Membership.objects.filter(user=world.editor).update(role=Role.VIEWER)
    shown = as_(client, world, "owner").get(page).content.decode()
    assert "Tide watcher" in shown
    assert "opens nothing now" in shown


def test_an_owner_revokes_one_and_its_person_is_told(world: World, client: Client, token: ApiToken, page: str) -> None:
    client = as_(client, world, "owner")
    action = reverse("project_token_revoke", args=[world.project.pk, token.pk])
    assert f'action="{action}"' in client.get(page).content.decode()
    shown = client.post(action, follow=True)
    assert shown.redirect_chain == [(page, 302)]
    assert "“Tide watcher” of Editor is revoked" in shown.content.decode()
    token.refresh_from_db()
    assert token.revoked_at
    event = AuditEvent.objects.get(action="api.token.revoked")
    assert (event.actor_id, event.project_id) == (world.owner.pk, world.project.pk)
    notice = Notice.objects.get(user=world.editor)
    assert (notice.title, notice.url) == ("Your API token “Tide watcher” was revoked", "/me/tokens/")
    assert notice.text.startswith("An owner of Lighthouse revoked it.")
    assert client.post(action).status_code == 302
    assert Notice.objects.count() == 1


def test_an_owner_of_one_project_revokes_none_of_another(world: World, client: Client, token: ApiToken) -> None:
    theirs = Project.objects.create(name="Elsewhere")
    Membership.objects.create(user=world.stranger, project=theirs, role=Role.OWNER)
    client = as_(client, world, "stranger")
    assert client.post(reverse("project_token_revoke", args=[theirs.pk, token.pk])).status_code == 404
    token.refresh_from_db()
    assert not token.revoked_at


def test_many_take_as_many_queries_as_one(
    world: World, client: Client, token: ApiToken, page: str, django_assert_max_num_queries: Any
) -> None:
    client = as_(client, world, "owner")
    client.get(page)
    with django_assert_max_num_queries(30) as one:
        client.get(page)
    for person in (world.owner, world.editor, world.editor):
        create_token(actor=person, project=world.project, name="More", days=30)
    with django_assert_max_num_queries(len(one)):
        client.get(page)


def test_a_site_without_tokens_tells_of_none(
    world: World, client: Client, token: ApiToken, page: str, settings: Any
) -> None:
    settings.API_TOKEN_DAYS = 0
    assert "Tide watcher" not in as_(client, world, "owner").get(page).content.decode()


def test_an_owner_reads_that_there_are_none(world: World, client: Client, page: str, settings: Any) -> None:
    assert "is listed here until it is revoked" in as_(client, world, "owner").get(page).content.decode()
    settings.API_TOKEN_DAYS = 0
    assert 'id="tokens"' not in client.get(page).content.decode()
