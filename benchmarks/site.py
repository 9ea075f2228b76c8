"""A site of its own for a benchmark: PostgreSQL and Valkey in a temporary folder, the web server and a worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from time import perf_counter, sleep

SITE = Path(__file__).resolve().parent.parent
SOURCE = "demo:smollm2-135m"
MODEL = "smollm2-135m-instruct"


class Site:
    """The servers of one run, and their addresses in the environment of this process."""

    def __init__(self, folder: Path) -> None:
        from aiplatform import embedded

        self._running = embedded.start(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        store = SITE / "data" / "test-models"
        os.environ |= {
            "ATRIUM_ENV": "test",
            "ATRIUM_DATA": str(folder),
            "DATABASE_URL": self._running.addresses.database_url,
            "REDIS_URL": self._running.addresses.redis_url,
            "MODEL_STORE": os.environ.get("MODEL_STORE", str(store)),
            "SITE_URL": self.url,
            "DB_POOL_SIZE": "16",
        }
        self._children: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "processes.log").open("wb")

    def prepare(self) -> None:
        """The tables, and the demo model for everyone."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("models", "install", SOURCE, "--grant-everyone")

    def start(self) -> None:
        self.prepare()
        self._spawn("-m", "celery", "-A", "aiplatform", "worker", "--pool=threads", "--concurrency=4")
        self.start_web()

    def start_web(self) -> int:
        """The web server alone, for a site that is prepared; its process id."""
        web = self._spawn("manage.py", "web", "--port", str(self.port))
        _wait_for_port(self.port)
        return web.pid

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=SITE, check=True, stdout=self._log)

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, *arguments], cwd=SITE, stdout=self._log, stderr=self._log)
        self._children.append(child)
        return child

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(60)
        self._running.stop()


def _wait_for_port(port: int, seconds: float = 60) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    raise SystemExit("the web server did not start")
