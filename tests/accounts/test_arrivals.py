"""The first administrator and one-time sign-in links."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.actions.arrivals import make_setup_code, make_sign_in_link
from apps.accounts.firstrun import needs_setup
from apps.accounts.models import SignInLink, SiteSettings, User
from apps.audit.models import AuditEvent
from apps.lib.ids import hash_token
from tests.accounts.people import signed_in_as
from tests.world import PASSWORD, make_world

FIRST = {"display_name": "Ada", "email": "ada@example.org", "password": PASSWORD}


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def run(command: str, *arguments: str, capsys) -> str:
    call_command(command, *arguments)
    return capsys.readouterr().out


def test_setup_creates_the_first_admin_once(db, client, capsys):
    assert needs_setup()
    code = run("setup_code", capsys=capsys).split()[2]
    response = client.post(reverse("setup"), {**FIRST, "code": code.upper()})
    person = User.objects.get()
    assert (response.status_code, person.is_admin, signed_in_as(client)) == (302, True, person.pk)
    assert not needs_setup()
    assert SiteSettings.current().setup_code_hash == ""
    assert Client().get(reverse("setup")).status_code == 404
    assert Client().post(reverse("setup"), {**FIRST, "code": code}).status_code == 404
    with pytest.raises(CommandError, match="already has an administrator"):
        call_command("setup_code")


def test_wrong_codes_are_refused_and_limited(db, client):
    make_setup_code()
    for _ in range(10):
        response = client.post(reverse("setup"), {**FIRST, "code": "guess"})
        assert "not the setup code" in response.content.decode()
    stopped = client.post(reverse("setup"), {**FIRST, "code": "guess"})
    assert stopped.status_code == 429
    assert "Wait a few minutes" in stopped.content.decode()
    assert not User.objects.exists()


def test_without_any_code_nobody_gets_in(db, client):
    assert "not the setup code" in client.post(reverse("setup"), {**FIRST, "code": "0"}).content.decode()


def test_the_code_may_come_from_the_environment(db, client, settings):
    settings.SETUP_CODE = "Open-Sesame"
    assert client.post(reverse("setup"), {**FIRST, "code": "open sesame"}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_cannot_both_set_up():
    code = make_setup_code()

    def race(number: int) -> int:
        try:
            one = Client(REMOTE_ADDR=f"10.0.0.{number}")
            return one.post(reverse("setup"), {**FIRST, "code": code, "email": f"a{number}@example.org"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(race, range(4)))
    assert codes.count(302) == 1
    assert User.objects.count() == 1


def test_link_asks_first_then_works_once(world, client):
    link = reverse("sign_in_link", args=[make_sign_in_link(person=world.admin)])
    page = client.get(link)
    assert "admin@example.org" in page.content.decode()
    assert not signed_in_as(client)
    assert client.post(link).status_code == 302
    assert signed_in_as(client) == world.admin.pk
    assert AuditEvent.objects.filter(action="signin_link.used", actor_id=world.admin.pk).count() == 1
    other = Client()
    assert other.get(link).status_code == 410
    assert other.post(link).status_code == 410
    assert not signed_in_as(other)


def test_expired_unknown_and_stolen_links_are_refused(world, client):
    token = make_sign_in_link(person=world.admin)
    assert client.post(reverse("sign_in_link", args=[hash_token(token)])).status_code == 410
    assert client.post(reverse("sign_in_link", args=["nonsense"])).status_code == 410
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.post(reverse("sign_in_link", args=[token])).status_code == 410


def test_a_deactivated_persons_link_is_dead(world, client):
    token = make_sign_in_link(person=world.owner)
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    assert client.post(reverse("sign_in_link", args=[token])).status_code == 410


@pytest.mark.django_db(transaction=True)
def test_fifty_browsers_race_for_one_link():
    world = make_world()
    link = reverse("sign_in_link", args=[make_sign_in_link(person=world.admin)])

    def race(_: int) -> int:
        try:
            return Client().post(link).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(race, range(50)))
    assert sorted(codes) == [302] + [410] * 49


def test_command_makes_the_first_admin_who_then_completes_the_account(db, client, capsys, settings):
    out = run("signin_link", "--create-admin", "--if-no-admin", "--json", capsys=capsys)
    made = json.loads(out)
    assert made["url"].startswith(settings.SITE_URL + "/sign-in/")
    assert made["email"] == "admin@atrium.local"
    link = made["url"].removeprefix(settings.SITE_URL)
    assert client.post(link, follow=True).redirect_chain[-1][0] == reverse("complete_account")
    assert client.post(reverse("complete_account"), FIRST).status_code == 302
    person = User.objects.get()
    assert (person.email, person.is_admin, person.check_password(PASSWORD)) == ("ada@example.org", True, True)
    assert client.get(reverse("profile")).status_code == 200
    again = run("signin_link", "--create-admin", "--if-no-admin", "--json", capsys=capsys)
    assert json.loads(again) == {}


def test_a_second_start_gives_an_admin_without_a_way_in_a_new_link(db, capsys):
    for _ in range(2):
        run("signin_link", "--create-admin", "--if-no-admin", capsys=capsys)
    assert (User.objects.count(), SignInLink.objects.count()) == (1, 2)


def test_command_says_what_is_wrong(world):
    with pytest.raises(CommandError, match=r"no account with the address who@example\.org"):
        call_command("signin_link", "--email", "who@example.org")
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    with pytest.raises(CommandError, match="deactivated"):
        call_command("signin_link", "--email", "owner@example.org", "--create-admin")


def test_completing_refuses_a_taken_address_and_whoever_has_a_way_in(world, client):
    person = User.objects.create_user("new@example.org", None)
    client.force_login(person)
    taken = client.post(reverse("complete_account"), {**FIRST, "email": "OWNER@example.org"})
    assert "Another account has this address" in taken.content.decode()
    client.force_login(world.viewer)
    client.post(reverse("complete_account"), FIRST)
    world.viewer.refresh_from_db()
    assert world.viewer.email == "viewer@example.org"
