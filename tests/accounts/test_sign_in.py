"""Signing in, its limits, and what an attacker finds."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from tests.accounts.people import post_sign_in, sign_in, signed_in_as
from tests.world import PASSWORD


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def test_sign_in_rotates_the_session_key_and_is_recorded(world, client):
    client.get(reverse("account_login"))
    session = client.session
    session["seen"] = True
    session.save()
    before = session.session_key
    assert post_sign_in(client, "OWNER@example.org").status_code == 302
    assert client.session.session_key != before
    assert signed_in_as(client) == world.owner.pk
    event = AuditEvent.objects.get(action="account.signed_in")
    assert (event.actor_id, event.details) == (world.owner.pk, {"methods": ["password"]})


def test_sign_out_is_recorded_and_needs_a_post(world, client):
    sign_in(client, world.owner)
    client.get(reverse("account_logout"))
    assert signed_in_as(client)
    client.post(reverse("account_logout"))
    assert not signed_in_as(client)
    assert AuditEvent.objects.filter(action="account.signed_out", actor_id=world.owner.pk).exists()


def test_failure_is_recorded_without_what_was_typed(world, client):
    post_sign_in(client, "owner@example.org", "wrong-secret")
    post_sign_in(client, "typed.password@example.org", "wrong-secret")
    known, unknown = AuditEvent.objects.filter(action="account.sign_in.failed").order_by("id")
    assert (known.outcome, known.target_id) == ("failed", world.owner.pk)
    assert (unknown.target_id, unknown.details) == ("", {"known": False})
    everything = str(AuditEvent.objects.values())
    assert [word for word in ("secret", "typed") if word in everything] == []


def test_known_and_unknown_addresses_are_told_the_same(world, client):
    answers = [post_sign_in(client, email, "wrong").content for email in ("owner@example.org", "nobody@example.org")]
    said = [b"not correct" in answer for answer in answers]
    assert said == [True, True]


def test_a_deactivated_person_is_told_so(world, client):
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    response = post_sign_in(client, "owner@example.org")
    assert response.url == reverse("account_inactive")
    assert not signed_in_as(client)


def test_stored_hashes_do_not_sign_in(world, client):
    post_sign_in(client, "owner@example.org", world.owner.password)
    assert not signed_in_as(client)


@pytest.mark.parametrize("trusted", [0, 1])
def test_brute_force_with_forged_headers_is_stopped(world, settings, trusted):
    """The header rotates what the client controls: all of it without a proxy, all but the last entry behind one."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = trusted
    codes = []
    for number in range(12):
        forged = f"203.0.113.{number}" + (", 198.51.100.7" if trusted else "")
        # Another browser and another account each time: only the address can stop this.
        headers = {"HTTP_X_FORWARDED_FOR": forged}
        codes.append(b"Too many" in post_sign_in(Client(), f"person{number}@example.org", "guess", **headers).content)
    assert codes == [False] * 10 + [True] * 2


def test_many_addresses_against_one_account_are_stopped(world):
    for number in range(5):
        post_sign_in(Client(REMOTE_ADDR=f"198.51.100.{number}"), "owner@example.org", "guess")
    late = Client(REMOTE_ADDR="192.0.2.1")
    hosts = ("localhost", "127.0.0.1")
    for host in hosts:
        assert b"Too many" in post_sign_in(late, "owner@example.org", PASSWORD, HTTP_HOST=host).content
    assert not signed_in_as(late)


def test_success_does_not_reset_an_attackers_count(world):
    attacker = {"REMOTE_ADDR": "198.51.100.9"}
    for number in range(10):
        post_sign_in(Client(**attacker), f"person{number}@example.org", "guess")
        if number == 5:
            post_sign_in(Client(**attacker), "stranger@example.org")
    assert b"Too many" in post_sign_in(Client(**attacker), "person11@example.org", "guess").content


def test_password_reset_tells_nothing_and_works(world, client):
    EmailAddress.objects.create(user=world.owner, email=world.owner.email, primary=True, verified=True)
    for email in ("owner@example.org", "nobody@example.org"):
        response = client.post(reverse("account_reset_password"), {"email": email})
        assert response.url == reverse("account_reset_password_done")
    to_owner = next(message for message in mail.outbox if message.to == ["owner@example.org"])
    link = next(word for word in to_owner.body.split() if "/password/reset/key/" in word)
    form = client.get(link, follow=True)
    new = "a much better horse"
    done = client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert done.status_code == 302
    assert AuditEvent.objects.filter(action="account.password.reset", actor_id=world.owner.pk).exists()
    assert post_sign_in(Client(), "owner@example.org", new).status_code == 302
    assert "Choose a new password" not in client.get(link, follow=True).content.decode()


def test_changing_the_password_signs_other_browsers_out(world, client):
    other = Client()
    for one in (client, other):
        post_sign_in(one, "owner@example.org")
    sign_in(client, world.owner, fresh=True)
    new = "a much better horse"
    data = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    client.post(reverse("account_change_password"), data)
    assert client.get(reverse("profile")).status_code == 200
    assert other.get(reverse("profile")).status_code == 302
    assert AuditEvent.objects.filter(action="account.password.changed").exists()


def test_sensitive_pages_ask_again(world, client):
    sign_in(client, world.owner)
    for name in ("account_change_password", "mfa_activate_totp", "mfa_add_webauthn"):
        response = client.get(reverse(name))
        if name == "account_change_password":
            continue  # asks for the current password itself
        assert response.url.startswith(reverse("account_reauthenticate"))


def test_mail_that_cannot_be_sent_is_said(world, client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    response = client.post(reverse("account_reset_password"), {"email": "owner@example.org"}, follow=True)
    assert "mail could not be sent" in response.content.decode()
