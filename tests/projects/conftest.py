from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.world import World

SignedIn = Callable[[str | User], Client]


@pytest.fixture
def signed_in(world: World) -> SignedIn:
    """A browser in which that person of the world is signed in."""

    def browser(who: str | User) -> Client:
        client = Client()
        client.force_login(world.person(who) if isinstance(who, str) else who)
        return client

    return browser
