"""Passkeys in a real browser with a virtual authenticator, under the site's own content security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import MakeVisitor
from tests.e2e.visitor import Visitor
from tests.world import PASSWORD


@pytest.fixture
def ada(site: str, visitor: MakeVisitor) -> Visitor:
    """Somebody with an account, not signed in, at an address that has a name: passkeys are for no others."""
    ada = visitor(at=site.replace("127.0.0.1", "localhost"))
    add_authenticator(ada.page)
    ada.sign_up()
    ada.page.context.clear_cookies()
    return ada


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


def sign_in_by_password(ada: Visitor) -> None:
    page = ada.page
    page.goto(f"{ada.site}/accounts/login/?next=/me/")
    page.get_by_label("Email").fill(ada.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def add_passkey(ada: Visitor, *, alone: bool) -> None:
    page = ada.page
    page.goto(f"{ada.site}/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Sign in with this alone").set_checked(alone)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name="Recovery codes").wait_for()


def sign_out(ada: Visitor) -> None:
    ada.page.goto(f"{ada.site}/accounts/logout/")
    ada.page.locator("main").get_by_role("button", name="Sign out").click()
    ada.page.wait_for_url(lambda url: "logout" not in url)


def test_a_passkey_signs_in_without_a_password(ada: Visitor) -> None:
    sign_in_by_password(ada)
    add_passkey(ada, alone=True)
    page = ada.page
    page.goto(f"{ada.site}/accounts/2fa/webauthn/")
    expect(page.get_by_role("main")).to_contain_text("never used")
    sign_out(ada)
    page.goto(f"{ada.site}/accounts/login/?next=/me/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="Your account").wait_for()
    page.goto(f"{ada.site}/accounts/2fa/webauthn/")
    expect(page.get_by_role("main")).not_to_contain_text("never used")


def test_a_security_key_is_the_second_step(ada: Visitor) -> None:
    sign_in_by_password(ada)
    add_passkey(ada, alone=False)
    sign_out(ada)
    sign_in_by_password(ada)
    page = ada.page
    page.get_by_role("heading", name="One more step").wait_for()
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.get_by_role("heading", name="Your account").wait_for()


def test_what_goes_wrong_is_said(ada: Visitor) -> None:
    page = ada.page
    page.goto(f"{ada.site}/accounts/login/")
    page.evaluate("() => { navigator.credentials.get = async () => { throw new DOMException('', 'NotAllowedError') } }")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("alert").get_by_text("cancelled or took too long").wait_for()
    page.goto(f"{ada.site}/me/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
