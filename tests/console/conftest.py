"""People with each role on the site, beside those of the world."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.accounts.people import sign_in
from tests.world import PASSWORD, World

ROLES = ("governor", "auditor", "moderator")


@dataclass(frozen=True)
class Staff:
    admin: User
    governor: User
    auditor: User
    moderator: User

    def client(self, name: str) -> Client:
        """Signed in as the one called `name`, just now."""
        client = Client()
        sign_in(client, getattr(self, name), fresh=True)
        return client


@pytest.fixture
def staff(world: World) -> Staff:
    made = {
        role: User.objects.create_user(f"{role}@example.org", PASSWORD, display_name=role.title(), site_role=role)
        for role in ROLES
    }
    return Staff(admin=world.admin, **made)
