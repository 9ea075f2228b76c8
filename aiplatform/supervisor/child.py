"""One process that must stay up: started in a session of its own, started again when it ends, stopped as a group."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FIRST_DELAY = 0.5  # seconds before a crashed child starts again, doubled at each crash
LONGEST_DELAY = 30.0
STEADY = 60.0  # seconds after which a crash counts as the first one again
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A process with its log. `grace` is how many seconds it may take to end after SIGTERM."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    grace: float
    crashes: int = field(default=0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started_at: float = field(default=0.0, init=False)
    _due_at: float | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """To be called in the main thread: the child ends when that thread does."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the children in order
                preexec_fn=_end_with_parent(os.getpid()),
            )
        self._started_at, self._due_at = time.monotonic(), None

    def keep_up(self) -> str | None:
        """Start again what has ended, after a while. Returns a sentence when something happened."""
        if self._due_at is not None:
            if time.monotonic() >= self._due_at:
                self.start()
                return f"{self.name} starts again"
            return None
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self.crashes = 1 if time.monotonic() - self._started_at > STEADY else self.crashes + 1
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self.crashes - 1))
        self._kill_group()
        self._due_at = time.monotonic() + delay
        return f"{self.name} {_how(status)}; it starts again in {delay:g} s"

    def stop(self) -> None:
        """Ask it to end, wait for `grace` seconds, then kill what is left of its group."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.grace)
        self._kill_group()
        self._process.wait()
        self._process = None

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid if self._process else 0, signal.SIGKILL)


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """On Linux the kernel sends a child SIGTERM when a killed supervisor can't any more."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
