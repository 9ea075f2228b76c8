"""A real web process on the test's own database and Redis, and a page that reads from it over the network."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from aiplatform.embedded import _free_port
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.conversations.models import Conversation
from apps.generations.models import GenerationJob
from apps.quotas.models import LedgerEntry
from tests.faults.processes import SiteProcess, site_environment
from tests.generations.reader import Reader
from tests.preloaded.running import ROOT

in_thread = sync_to_async(thread_sensitive=True)
TOKEN = secrets.token_hex(16)
"""Against forged requests: who sends the same one as a cookie and in a header is believed."""


class WebProcess(SiteProcess):
    """`manage.py web`, as in production, at an address that stays its own when it is started again."""

    name = "web"

    def __init__(self, log: Path) -> None:
        super().__init__(log)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __str__(self) -> str:
        return f"web {self.url}"

    def start(self) -> WebProcess:
        command = [sys.executable, "manage.py", "web", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=site_environment(), stdout=log, stderr=log)
        return self

    def works(self) -> bool:
        """It answers."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> None:
        """Wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(seconds)


class Person:
    """Somebody who is signed in, in a browser. Each page is asked of the web process that is named."""

    def __init__(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        self.cookies = {settings.SESSION_COOKIE_NAME: str(client.session.session_key), "csrftoken": TOKEN}

    def get(self, url: str, seconds: float = 60) -> httpx.Response:
        return httpx.get(url, cookies=self.cookies, timeout=seconds, trust_env=False)

    def send(self, site: str, conversation: str, text: str, client_id: str, seconds: float = 60) -> httpx.Response:
        """A prompt, as the composer sends it: with the same `client_id` it is the same one, sent again."""
        return httpx.post(
            f"{site}/c/{conversation}/messages/",
            json={"text": text, "parent": None, "client_id": client_id},
            headers={"X-CSRFToken": TOKEN, "Origin": site},
            cookies=self.cookies,
            timeout=seconds,
            trust_env=False,
        )

    def socket(self, site: str, conversation: str, **options: Any) -> connect:
        """The socket of a conversation's page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        options = {"compression": None, "max_size": None} | options
        address = f"{site.replace('http', 'ws', 1)}/ws/conversations/{conversation}/"
        return connect(address, origin=site, additional_headers={"Cookie": cookies}, proxy=None, **options)


class Page:
    """The open page of a conversation: follows all that is asked there, and comes again whenever a socket closes, as
    the page does, to the next of `sites`."""

    def __init__(self, person: Person, conversation: Conversation, *sites: str) -> None:
        self.person, self.conversation, self.sites = person, conversation, sites
        self.readers: list[Reader] = []
        self._gaps: list[float] = []
        self._reading: list[asyncio.Task[None]] = []

    async def ask(self, text: str, tokens: int) -> Reader:
        """The reader of an answer of so many tokens. Sent again until it is taken, as the same one."""
        mine = Conversation.objects.filter(pk=self.conversation.pk)
        await mine.aupdate(params=self.conversation.params | {"max_tokens": tokens})
        client_id = secrets.token_hex(8)
        for site in cycle(self.sites):
            with suppress(httpx.TransportError):
                answer = await asyncio.to_thread(self.person.send, site, self.conversation.pk, text, client_id)
                if answer.status_code != 503:
                    assert answer.status_code in (200, 201), answer.text
                    return self.reads(answer.json()["messages"][-1]["job"]["id"])
            await asyncio.sleep(0.05)
        raise AssertionError("there is no site")

    def reads(self, job: str) -> Reader:
        reader = Reader(job)
        self.readers.append(reader)
        self._reading.append(asyncio.create_task(self._read(reader)))
        return reader

    async def seen(self, condition: Callable[[], bool], seconds: float = 90) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                for task in self._reading:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.01)

    async def gaps(self, seconds: float = 90) -> list[float]:
        """Read everything to its end. For how long there was no socket, each time: from the loss to the next hello."""
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._reading)
        return self._gaps

    async def _read(self, reader: Reader) -> None:
        lost: float | None = None
        for site in cycle(self.sites):
            try:
                async with self.person.socket(site, self.conversation.pk) as socket:
                    await told(socket, "hello")
                    if lost is not None:
                        self._gaps.append(monotonic() - lost)
                        lost = None
                    await follow(socket, reader)
                    while reader.end is None:
                        reader.take(await told(socket, "job"))
                    return
            except (OSError, WebSocketException):
                lost = lost or monotonic()
                await asyncio.sleep(0.05)


async def follow(socket: ClientConnection, reader: Reader) -> None:
    await socket.send(json.dumps({"type": "follow", "job": reader.job, "attempt": reader.attempt, "seq": reader.seq}))


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this kind; others before it are passed over."""
    while True:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame["type"] == kind:
            return frame


async def stored(reader: Reader) -> GenerationJob:
    """The job of a reader that has read to its end: it has what was seen, and ended once."""
    job = await GenerationJob.objects.aget(pk=reader.job)
    assert reader.text == job.output, "what was seen is what is stored"
    assert await in_thread(_ends_of)(job) == (1, 1)
    return job


def _ends_of(job: GenerationJob) -> tuple[int, int]:
    """How many ends of a job are in the audit log, and how often it was settled in the ledger."""
    actions = [f"generation.{state}" for state in ("succeeded", "failed", "cancelled")]
    ends = AuditEvent.objects.filter(target_id=job.pk, action__in=actions)
    return ends.count(), LedgerEntry.objects.filter(job_id=job.pk, kind="settle").count()
