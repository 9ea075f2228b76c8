"""Every page of accounts renders in our look, for whom it is for, and holds no inline script or style."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from apps.accounts.models import User
from tests.accounts.people import sign_in

PUBLIC = [
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_inactive",
]
OWN = [
    "profile",
    "account_delete",
    "account_email",
    "account_change_password",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "usersessions_list",
    "api_tokens",
    "socialaccount_connections",
    "account_logout",
]
CONSOLE = ["console_people", "console_settings"]
INLINE = re.compile(r"<script(?![^>]*\b(?:src=|type=\"application/json\"))|<style|\bstyle=|\bon[a-z]+=\"")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_pages(world, client, name):
    assert_ours(client.get(reverse(name)))


@pytest.mark.parametrize("name", OWN)
def test_own_pages(world, client, name):
    sign_in(client, world.viewer, fresh=True)
    assert_ours(client.get(reverse(name)))


@pytest.mark.parametrize("name", OWN)
def test_own_pages_ask_strangers_to_sign_in(world, client, name):
    response = client.get(reverse(name))
    assert response.status_code == 302


@pytest.mark.parametrize("name", CONSOLE)
def test_console_is_for_admins(world, client, name):
    assert client.get(reverse(name)).status_code == 302
    sign_in(client, world.owner)
    assert client.get(reverse(name)).status_code == 404
    sign_in(client, world.admin)
    assert_ours(client.get(reverse(name)))


@pytest.mark.django_db(transaction=True)
async def test_pages_work_under_asgi(async_client):
    person = await User.objects.acreate(email="ada@example.org", password="!")
    assert_ours(await async_client.get(reverse("account_login")))
    await async_client.aforce_login(person)
    assert_ours(await async_client.get(reverse("account_logout")))


def assert_ours(response):
    html = response.content.decode()
    assert response.status_code == 200
    assert "css/tokens.css" in html
    assert "<h1" in html
    assert not INLINE.search(html), INLINE.search(html)
