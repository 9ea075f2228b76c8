"""Real worker processes on the test's own database and Redis, each in a process group that can be killed as a whole.

They are forked by a process that has torch loaded (`tests.preloaded`), and everything else they do as `celery worker`
does.
"""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from django.conf import settings
from django.db import connection

from apps.generations.models import GenerationJob, State, Worker
from tests.preloaded.forked import Forked

LEASE_SECONDS = 3
CELERY = ["-m", "celery", "-A", "aiplatform", "worker", "--pool=threads", "--concurrency=4"]


class SiteProcess(ABC):
    """A process of the site, whose output goes to a file."""

    name: str

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    @abstractmethod
    def runs(self) -> bool: ...

    @abstractmethod
    def works(self) -> bool:
        """Whether it does by now what it was started for."""

    @abstractmethod
    def kill(self) -> None: ...

    def ready(self, seconds: float = 90) -> Self:
        """Wait until it works."""
        end = monotonic() + seconds
        while not self.works():
            assert self.runs, self.output()
            assert monotonic() < end, f"{self} did not start: {self.output()}"
            sleep(0.05)
        return self

    def output(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]


class WorkerProcess(SiteProcess):
    """`celery worker`, as in production, with a short lease and one CPU thread."""

    name = "worker"

    def __init__(self, log: Path, **environment: str) -> None:
        super().__init__(log)
        with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            streams = [nothing.fileno(), output.fileno(), output.fileno()]
            self._process = Forked(CELERY, site_environment() | environment, streams, leads=True)
        self.pid = self._process.pid
        self.id = ""

    def __str__(self) -> str:
        return f"worker {self.id or self.pid}"

    def works(self) -> bool:
        """It takes jobs."""
        if not self.id:
            own = Worker.objects.filter(pk__contains=f"-{self.pid}-").values_list("pk", flat=True)
            self.id = next(iter(own), "")
        return bool(self.id)

    @property
    def runs(self) -> bool:
        return self.wait(0) is None

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float) -> int | None:
        """Its exit status; None where it still runs then."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        self._process.kill()  # it may not lead its group yet
        self.signal(signal.SIGKILL)
        self.wait(10)

    def holds(self) -> list[str]:
        running = GenerationJob.objects.filter(worker_id=self.id, state=State.RUNNING)
        return list(running.values_list("pk", flat=True))


def database_url() -> str:
    """Of this test's database."""
    return settings.DATABASE_URL.replace("/atrium", f"/{connection.settings_dict['NAME']}", 1)


def site_environment() -> dict[str, str]:
    """Of a process on the servers that this test uses, be they its own."""
    return os.environ | {
        "ATRIUM_ENV": "test",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "DB_POOL_SIZE": "8",
        "MODEL_STORE": str(settings.MODEL_STORE),
        "ARTIFACT_STORE": str(settings.ARTIFACT_STORE),
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "HEARTBEAT_SECONDS": "1",
        "MAX_ATTEMPTS": "100",
        "WORKER_SLOTS": "4",
        "ENGINE_DEVICE": "cpu",
        "ENGINE_DTYPE": "float32",
        "ENGINE_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
