"""A server that we need goes away in the middle of a request."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from tests.world import PASSWORD, World


def test_signing_in_without_redis_says_that_it_will_work_again(world: World, settings: Any) -> None:
    """The limits of sign-in are counted in Redis: without it nobody gets in, and nobody sees an error of ours."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    client = Client(raise_request_exception=False)
    response = client.post(reverse("account_login"), {"login": world.owner.email, "password": PASSWORD})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert "Back in a moment" in response.text


@pytest.mark.django_db
def test_a_page_without_the_database_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OperationalError("connection to db.internal refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = Client(raise_request_exception=False).get(reverse("account_login"))
    assert response.status_code == 503
    assert "db.internal" not in response.text


def test_a_mistake_of_ours_is_still_a_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("apps.projects.views.projects.render", break_down)
    client = Client(raise_request_exception=False)
    client.force_login(world.owner)
    assert client.get(reverse("project_list")).status_code == 500
