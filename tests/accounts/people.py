"""Signing in as a test needs it."""

from __future__ import annotations

import time

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from tests.world import PASSWORD


def sign_in(client: Client, person: User, *, fresh: bool = False, at: float = 0) -> None:
    """As if by a password; `fresh` as if they had just confirmed it again, or when it was that time `at`."""
    client.force_login(person)
    if fresh:
        session = client.session
        record = {"method": "password", "at": at or time.time(), "reauthenticated": True}
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [record]
        session["account_authentication_methods_user"] = person.pk
        session.save()


def post_sign_in(client: Client, email: str, password: str = PASSWORD, **headers: str):
    return client.post(reverse("account_login"), {"login": email, "password": password}, **headers)


def signed_in_as(client: Client) -> str:
    """The id of whoever this client is signed in as; "" for nobody."""
    return client.session.get("_auth_user_id", "")
