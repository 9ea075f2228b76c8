from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient

from apps.api import following
from apps.api.actions import create_token
from apps.api.models import ApiToken
from apps.catalog.models import HostedModel
from tests.generations.conftest import engine, model, painter, settings_of_tests, tiny_store, worker
from tests.world import World

__all__ = ["engine", "model", "painter", "settings_of_tests", "tiny_store", "worker"]
HELLO = [{"role": "user", "content": "Say something"}]
LONG = 90.0
"""Seconds: for whatever surely happens."""


class Program:
    """Somebody's program: it has a token, and nothing else."""

    def __init__(self, token: ApiToken, raw: str) -> None:
        self.token, self.raw = token, raw
        self._client = AsyncClient(enforce_csrf_checks=True)

    async def get(self, address: str) -> HttpResponse:
        return await self._client.get(address, headers=self._headers)

    async def post(self, address: str, **body: Any) -> HttpResponse:
        return await self.send(address, json.dumps(body))

    async def send(self, address: str, body: str, **headers: str) -> HttpResponse:
        async with asyncio.timeout(LONG):
            return await self._client.post(
                address, body, content_type="application/json", headers=self._headers | headers
            )

    async def chat(self, **body: Any) -> HttpResponse:
        return await self.post("/v1/chat/completions", **{"model": "tiny", "messages": HELLO} | body)

    async def streamed(self, **body: Any) -> list[dict[str, Any] | str]:
        """What a stream sent: events as JSON, comments and the mark at the end as text."""
        return [told async for told in self.listen(await self.chat(stream=True, **body))]

    async def listen(self, response: HttpResponse) -> AsyncIterator[dict[str, Any] | str]:
        assert isinstance(response, StreamingHttpResponse)
        assert response["Content-Type"] == "text/event-stream"
        async with asyncio.timeout(LONG), aclosing(aiter(response)) as content:  # as Django's handler reads it
            async for sent in content:
                for part in sent.decode().split("\n\n")[:-1]:
                    data = part.removeprefix("data: ")
                    yield json.loads(data) if data.startswith("{") else data

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.raw}"}


@pytest.fixture
def program(transactional_db: None, world: World) -> Program:
    """Of the editor."""
    return Program(*create_token(actor=world.editor, project=world.project, name="Notebook", days=30))


@pytest.fixture(autouse=True)
def looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RECHECK_SECONDS", 0.2)


def error_of(response: HttpResponse) -> tuple[int, str, str]:
    """Status, parameter and sentence."""
    error = json.loads(response.content)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return response.status_code, error["param"] or "", error["message"]


def enabled(model: HostedModel, *, state: bool) -> None:
    HostedModel.objects.filter(pk=model.pk).update(is_enabled=state)
