"""Addresses that must be confirmed before anyone gets in, as on sites with a mail server."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts.actions.arrivals import make_sign_in_link
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from tests.accounts.people import post_sign_in, signed_in_as
from tests.world import PASSWORD

NEW = {"display_name": "Nora", "email": "nora@example.org", "password1": PASSWORD}


@pytest.fixture(autouse=True)
def mandatory(settings):
    cache.clear()
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def link_in(message: mail.EmailMessage) -> str:
    return next(word for word in message.body.split() if "/confirm-email/" in word)


def test_nobody_gets_in_before_confirming(world, client, settings):
    response = client.post(reverse("account_signup"), NEW)
    assert response.url == reverse("account_email_verification_sent")
    assert not signed_in_as(client)
    assert post_sign_in(Client(), "nora@example.org").url == reverse("account_email_verification_sent")
    message = mail.outbox[0]
    assert settings.SITE_NAME in message.subject + message.body
    assert "example.com" not in message.body
    asked = client.get(link_in(message))
    assert "nora@example.org" in asked.content.decode()
    assert not EmailAddress.objects.get(email="nora@example.org").verified
    client.post(link_in(message))
    assert EmailAddress.objects.get(email="nora@example.org").verified
    assert AuditEvent.objects.filter(action="account.email.confirmed").count() == 1
    browser = Client()
    post_sign_in(browser, "nora@example.org")
    assert signed_in_as(browser) == User.objects.get(email="nora@example.org").pk


def test_signing_up_does_not_tell_who_has_an_account(world, client):
    EmailAddress.objects.create(user=world.owner, email=world.owner.email, primary=True, verified=True)
    taken = client.post(reverse("account_signup"), {**NEW, "email": "owner@example.org"})
    free = Client().post(reverse("account_signup"), NEW)
    assert (taken.status_code, taken.url) == (free.status_code, free.url)
    assert User.objects.filter(email="owner@example.org").count() == 1


def test_a_false_link_is_refused_in_words(world, client):
    page = client.get(reverse("account_confirm_email", args=["nonsense"])).content.decode()
    assert "This link was used already, or it is too old" in page


def test_a_one_time_link_of_the_server_needs_no_mail(world, client):
    client.post(reverse("sign_in_link", args=[make_sign_in_link(person=world.owner)]))
    assert signed_in_as(client) == world.owner.pk
