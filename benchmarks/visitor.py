"""One person with a browser's cookies, who goes the whole way: HTTP, PostgreSQL, Celery, Redis, WebSocket."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from http.client import HTTPConnection
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from benchmarks.site import MODEL

SETTLE_SECONDS = 0.1
"""Between a page's socket and the send: its arrival is told to those who are there, and nobody types so fast."""


class Visitor:
    """One person with a browser's cookies; one conversation a prompt, its socket open before the send."""

    def __init__(self, url: str) -> None:
        import django

        django.setup()
        from importlib import import_module

        from django.conf import settings
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

        from apps.accounts.models import User
        from apps.projects.models import Membership, Project, Role

        self.user = User.objects.create_user("bench@example.org", "not used", display_name="Bench")
        self.project = Project.objects.create(name="Bench")
        Membership.objects.create(project=self.project, user=self.user, role=Role.OWNER)
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = self.user.pk
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        session.save()
        token = "b" * 32
        self.url = url
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "Origin": url,
        }

    def conversations(self, number: int, tokens: int) -> list[str]:
        from apps.conversations.actions.lifecycle import create_conversation

        made = [create_conversation(actor=self.user, project=self.project) for _ in range(number)]
        for conversation in made:
            conversation.hosted_model_id = MODEL
            conversation.params = {"temperature": 0, "top_p": 1, "max_tokens": tokens}
            conversation.save()
        return [conversation.pk for conversation in made]

    async def ask(self, conversation: str, text: str, ready: asyncio.Barrier) -> tuple[float, float, float, int]:
        """When sent, when the first text came, when it ended, and the tokens."""
        from websockets.asyncio.client import connect
        from websockets.typing import Origin

        address = f"{self.url.replace('http', 'ws')}/ws/conversations/{conversation}/"
        headers = {"Cookie": self.headers["Cookie"]}
        async with connect(
            address, origin=Origin(self.url), additional_headers=headers, compression=None, proxy=None
        ) as channel:
            await channel.recv()
            await asyncio.sleep(SETTLE_SECONDS)
            http = self._connected()
            body = json.dumps({"text": text, "parent": None, "client_id": conversation})
            await ready.wait()
            sent, first = perf_counter(), 0.0
            answer = await asyncio.to_thread(self._post, http, f"/c/{conversation}/messages/", body)
            job = answer["messages"][1]["job"]["id"]
            await channel.send(json.dumps({"type": "follow", "job": job, "attempt": 0, "seq": 0}))
            while True:
                message = json.loads(await channel.recv())
                event = message.get("event", {})
                if event.get("kind") in ("text", "snapshot") and not first:
                    first = perf_counter()
                if event.get("kind") == "finish":
                    assert event["state"] == "succeeded", event
                    return sent, first or perf_counter(), perf_counter(), event["usage"]["completion_tokens"]

    def _connected(self) -> HTTPConnection:
        """A browser's connection is open before somebody presses Enter."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        connection.connect()
        return connection

    def _post(self, connection: HTTPConnection, path: str, body: str) -> Any:
        connection.request("POST", path, body, self.headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        assert answer.status == HTTPStatus.CREATED, said
        return said

    async def _run(self, conversations: list[str], texts: list[str]) -> dict[str, float]:
        ready = asyncio.Barrier(len(texts))
        asked = (self.ask(each, text, ready) for each, text in zip(conversations, texts, strict=True))
        answers = await asyncio.gather(*asked)
        began, ended = min(answer[0] for answer in answers), max(answer[2] for answer in answers)
        used = sum(answer[3] for answer in answers)
        first = min(answer[1] for answer in answers) - began
        return {"first": first, "rate": used / (ended - began), "tokens": used}

    def run(self, texts: list[str], tokens: int) -> dict[str, float]:
        return asyncio.run(self._run(self.conversations(len(texts), tokens), texts))
