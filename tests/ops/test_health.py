"""Health, readiness and metrics."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.generations.presence import announce
from tests.conversations.build import listed_model


@pytest.mark.django_db
def test_a_model_without_a_worker_is_degraded_and_with_one_all_is_well(client: Client) -> None:
    model = listed_model()
    found = client.get("/readyz")
    assert (found.status_code, found.json()["status"]) == (200, "degraded")
    announce("w1", device="cpu", slots=8, loaded=[], serves=[model.pk])
    found = client.get("/readyz")
    assert (found.status_code, found.json()["status"]) == (200, "ok")
    assert found.json()["workers"] == {model.pk: 1}


@pytest.mark.django_db
def test_without_redis_it_is_unavailable_and_names_no_host(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    from aiplatform import health

    monkeypatch.setattr(health, "sync_client", lambda: redis.Redis(port=1))
    found = client.get("/readyz")
    assert found.status_code == 503
    assert found.json()["redis"] == {"ok": False, "error": "ConnectionError"}


@pytest.mark.django_db
def test_without_a_database_it_is_unavailable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError, connection

    def refuse(*args: Any) -> None:
        raise OperationalError("connection to db.internal refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    found = client.get("/readyz")
    assert found.status_code == 503
    assert "db.internal" not in found.content.decode()
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "headers", "address", "status"),
    [
        ("", {}, "127.0.0.1", 200),
        ("", {}, "::1", 200),
        ("", {}, "10.0.0.9", 403),
        ("", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", 403),
        ("s3cret", {}, "127.0.0.1", 403),
        ("s3cret", {"Authorization": "Bearer wrong"}, "10.0.0.9", 403),
        ("s3cret", {"Authorization": "Bearer s3cret"}, "10.0.0.9", 200),
    ],
)
def test_who_may_read_metrics(
    token: str, headers: dict[str, str], address: str, status: int, client: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


@pytest.mark.django_db
def test_metrics_tell_requests_jobs_and_workers(client: Client) -> None:
    announce("w1", device="cpu", slots=8, loaded=[], serves=["some-model"])
    client.get("/healthz")
    text = client.get("/metrics").content.decode()
    assert 'atrium_http_requests_total{method="GET",route="healthz",status="200"}' in text
    assert 'atrium_jobs{state="queued"} 0.0' in text
    assert 'atrium_workers{model="some-model"} 1.0' in text
    assert "atrium_latest_ttft_seconds_bucket" in text


@pytest.mark.django_db
def test_a_token_in_an_address_does_not_reach_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="atrium.access"):
        client.get("/sign-in/a-very-secret-token/?q=private")
    assert "GET /sign-in/<token>/" in caplog.text
    assert "very-secret" not in caplog.text
    assert "private" not in caplog.text
