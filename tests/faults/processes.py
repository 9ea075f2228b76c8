"""Real worker processes on the test's own database and Redis, each in a process group that can be killed as a whole.

They are forked by a process that has torch loaded (`tests.preloaded`), and everything else they do as `celery worker`
does.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings
from django.db import connection

from apps.generations.models import GenerationJob, State, Worker
from tests.preloaded.forked import Forked

LEASE_SECONDS = 3
CELERY = ["-m", "celery", "-A", "aiplatform", "worker", "--pool=threads", "--concurrency=4"]


class WorkerProcess:
    """`celery worker`, as in production, with a short lease and one CPU thread."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.path = log
        with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            streams = [nothing.fileno(), output.fileno(), output.fileno()]
            self._process = Forked(CELERY, site_environment() | environment, streams, leads=True)
        self.pid = self._process.pid
        self.id = ""

    def ready(self, seconds: float = 90) -> WorkerProcess:
        """Wait until it takes jobs."""
        end = monotonic() + seconds
        while not self.takes_jobs():
            assert self.runs, self.output()
            assert monotonic() < end, f"the worker did not start: {self.output()}"
            sleep(0.05)
        return self

    def takes_jobs(self) -> bool:
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

    def output(self) -> str:
        return self.path.read_text(errors="replace")[-4000:]


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
