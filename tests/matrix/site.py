"""A site with one of each kind, made once for many requests: that takes longer than what is done to it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client, override_settings

from tests import demo_model
from tests.accounts.people import sign_in
from tests.matrix.tables import PEOPLE
from tests.matrix.things import things
from tests.world import World, make_world


class Site(NamedTuple):
    world: World
    things: dict[str, dict[str, Any]]
    sessions: dict[str, str]
    """The key of a session of each person, who signed in by their password just now."""

    def client(self, person: str, **options: Any) -> Client:
        """Theirs, from an address of its own: limits count by address."""
        address = ".".join(str(random.randint(1, 250)) for _ in range(4))
        client = Client(REMOTE_ADDR=address, **options)
        if person != "anonymous":
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[person]
        return client


@contextmanager
def furnished_site(model_store: Path, pictures: Path) -> Iterator[Site]:
    with override_settings(MODEL_STORE=model_store, ARTIFACT_STORE=pictures), undone():
        version = demo_model.add_demo_version(model_store)
        world = make_world()
        yield Site(world, things(world, version), {person: _session(world, person) for person in PEOPLE[1:]})


@pytest.fixture(scope="module")
def furnished(django_db_setup: None, django_db_blocker: Any, demo_model_store: Path, tmp_path_factory: Any) -> Any:
    pictures = tmp_path_factory.getbasetemp() / "artifacts"
    with django_db_blocker.unblock(), furnished_site(demo_model_store, pictures) as site:
        yield site


@pytest.fixture
def db(furnished: Site) -> Iterator[None]:
    """In place of pytest-django's: what is done to the furniture is undone, and it stays."""
    with undone():
        yield


def _session(world: World, person: str) -> str:
    client = Client()
    # “Just now” means the last five minutes, and a busy machine may need longer for all of them.
    sign_in(client, world.person(person), fresh=True, at=time.time() + 3600)
    return str(client.session.session_key)


@contextmanager
def undone() -> Iterator[None]:
    """As Django's TestCase does it, which lets through what must not be part of a transaction."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)
