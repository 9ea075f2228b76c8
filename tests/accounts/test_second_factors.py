"""Authenticator apps and recovery codes. Passkeys are in test_passkeys.py, in a real browser."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts.actions.arrivals import make_sign_in_link
from apps.audit.models import AuditEvent
from tests.accounts.people import post_sign_in, sign_in, signed_in_as

pytestmark = pytest.mark.django_db(transaction=True)  # allauth tells of a new factor after the commit


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def code_of(secret: str, *, steps_ahead: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps_ahead))


@pytest.fixture
def secret(world, client) -> str:
    """The owner turns an authenticator app on."""
    sign_in(client, world.owner, fresh=True)
    shown: str = client.get(reverse("mfa_activate_totp")).context["form"].secret
    client.post(reverse("mfa_activate_totp"), {"code": code_of(shown)})
    cache.clear()
    return shown


def test_sign_in_asks_for_the_code(world, secret):
    browser = Client()
    asked = post_sign_in(browser, "owner@example.org")
    assert asked.url == reverse("mfa_authenticate")
    assert not signed_in_as(browser)
    assert "One more step" in browser.get(asked.url).content.decode()
    browser.post(asked.url, {"code": "000000"})
    assert not signed_in_as(browser)
    browser.post(asked.url, {"code": code_of(secret, steps_ahead=1)})
    assert signed_in_as(browser) == world.owner.pk
    actions = AuditEvent.objects.values_list("action", flat=True)
    assert {"account.mfa.added", "account.mfa.failed"} <= set(actions)
    event = AuditEvent.objects.filter(action="account.signed_in").latest("id")
    assert event.details == {"methods": ["password", "mfa"]}


def test_the_secret_is_sealed_in_the_database(world, secret):
    rows = list(Authenticator.objects.values_list("data", flat=True))
    assert rows
    assert secret not in str(rows)


def test_a_recovery_code_works_once(world, secret, client):
    page = client.get(reverse("mfa_view_recovery_codes"))
    code = page.context["unused_codes"][0]
    assert code in page.content.decode()
    for expected in (world.owner.pk, ""):
        browser = Client()
        url = post_sign_in(browser, "owner@example.org").url
        browser.post(url, {"code": code})
        assert signed_in_as(browser) == expected


def test_codes_can_be_made_new_and_the_app_turned_off(world, secret, client):
    assert client.get(reverse("mfa_generate_recovery_codes")).status_code == 200
    client.post(reverse("mfa_generate_recovery_codes"))
    assert AuditEvent.objects.filter(action="account.mfa.reset").exists()
    assert client.get(reverse("mfa_deactivate_totp")).status_code == 200
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=world.owner).exists()
    assert AuditEvent.objects.filter(action="account.mfa.removed").exists()


def test_guessing_codes_is_stopped(world, secret):
    for attempt in range(8):
        browser = Client(REMOTE_ADDR=f"198.51.100.{attempt}")
        url = post_sign_in(browser, "owner@example.org").url
        last = browser.post(url, {"code": "123456"})
    assert "Too many" in last.content.decode()


def test_a_one_time_link_still_asks_for_the_second_step(world, secret):
    browser = Client()
    link = reverse("sign_in_link", args=[make_sign_in_link(person=world.owner)])
    assert browser.post(link).url == reverse("mfa_authenticate")
    assert not signed_in_as(browser)
