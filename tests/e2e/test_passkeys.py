"""Passkeys in a real browser with a virtual authenticator, under the site's own content security policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from playwright.sync_api import Page

from apps.accounts.models import User
from tests.e2e.browser import chromium
from tests.world import PASSWORD, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(live_server, monkeypatch) -> Iterator[Page]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
    cache.clear()
    make_world()
    with chromium() as browser:
        page = browser.new_page(base_url=live_server.url)
        add_authenticator(page)
        page.on("console", complain)
        yield page


def add_authenticator(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def complain(message) -> None:
    assert "Content Security Policy" not in message.text, message.text


def sign_in_by_password(page: Page) -> None:
    page.goto("/accounts/login/?next=/me/")
    page.get_by_label("Email").fill("owner@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def add_passkey(page: Page, *, alone: bool) -> None:
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Sign in with this alone").set_checked(alone)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name="Recovery codes").wait_for()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "logout" not in url)


def test_a_passkey_signs_in_without_a_password(page):
    sign_in_by_password(page)
    add_passkey(page, alone=True)
    sign_out(page)
    page.goto("/accounts/login/?next=/me/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="Your account").wait_for()
    assert Authenticator.objects.get(type="webauthn").last_used_at


def test_a_security_key_is_the_second_step(page):
    sign_in_by_password(page)
    add_passkey(page, alone=False)
    sign_out(page)
    sign_in_by_password(page)
    page.get_by_role("heading", name="One more step").wait_for()
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.get_by_role("heading", name="Your account").wait_for()


def test_what_goes_wrong_is_said(page):
    page.goto("/accounts/login/")
    page.evaluate("() => { navigator.credentials.get = async () => { throw new DOMException('', 'NotAllowedError') } }")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("alert").get_by_text("cancelled or took too long").wait_for()
    assert User.objects.filter(last_login__isnull=False).count() == 0
