"""A pytest plugin that starts real PostgreSQL and Valkey for one run, before Django reads its settings.

Each worker of pytest-xdist gets servers of its own, since some tests empty them. With DATABASE_URL and REDIS_URL set,
those servers are used instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from aiplatform import embedded

OURS = "ATRIUM_TEST_SERVICES"
"""Set where the servers in the environment were started here, by the process that started this one."""
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


def pytest_unconfigure() -> None:
    if _running:
        _running.stop()
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
