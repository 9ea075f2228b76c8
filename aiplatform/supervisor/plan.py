"""What one start is about: where the site listens, where its data lies, what its children are told."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost", "::1")
RUNNING = "running.json"


class CannotStart(Exception):
    """Why the site can't start, in a sentence for the person at the terminal."""


@dataclass(frozen=True)
class Plan:
    """One start of the site in the folder `root`, with its data in `data`."""

    root: Path
    data: Path
    host: str
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, root: Path, data: Path) -> Plan:
        """Reads HOST, PORT and SITE_URL. Raises CannotStart."""
        host = os.environ.get("HOST") or "127.0.0.1"
        plan = cls(root, data, host, _port(os.environ.get("PORT") or "8000"), dict(os.environ))
        plan.environment.update(ATRIUM_DATA=str(data), PYTHONUNBUFFERED="1")
        if not plan.environment.get("SITE_URL"):
            plan.environment["SITE_URL"] = plan.local_url
        return plan

    @property
    def local_url(self) -> str:
        """Where this machine itself reaches the site."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  (compared, not bound)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def site_url(self) -> str:
        return self.environment["SITE_URL"].rstrip("/")

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach the site."""
        return self.host not in LOOPBACK

    def log_of(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def announce(self, pid: int, *, is_ready: bool) -> None:
        """Tell other commands of this folder where the running site is."""
        written = self.data / f"{RUNNING}.new"
        written.write_text(json.dumps({"pid": pid, "url": self.local_url, "is_ready": is_ready}))
        written.replace(self.data / RUNNING)

    def withdraw(self) -> None:
        (self.data / RUNNING).unlink(missing_ok=True)


def running_site(data: Path) -> dict[str, Any] | None:
    """`pid`, `url` and `is_ready` of the site whose data is `data`, or None where it is not up."""
    with suppress(FileNotFoundError, ValueError):
        found: dict[str, Any] = json.loads((data / RUNNING).read_text())
        with suppress(ProcessLookupError):
            os.kill(found["pid"], 0)
            return found
    return None


def _port(raw: str) -> int:
    if not raw.isdecimal() or not 0 < int(raw) < 65536:
        raise CannotStart(f"PORT is {raw!r}; write a number from 1 to 65535.")
    return int(raw)
