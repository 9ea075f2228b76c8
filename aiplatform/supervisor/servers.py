"""PostgreSQL and Valkey for one site: those named by DATABASE_URL and REDIS_URL, else embedded ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aiplatform import embedded
from aiplatform.supervisor.plan import CannotStart, Plan
from aiplatform.supervisor.terminal import say


class Servers:
    """The embedded servers that this site needs; none where both addresses are given."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._running: embedded.Running | None = None

    def start(self) -> None:
        """Start what is needed and tell the children where it listens. Raises CannotStart."""
        environment = self._plan.environment
        given = [name for name in ("DATABASE_URL", "REDIS_URL") if environment.get(name)]
        if len(given) == 2:
            say("using the servers of DATABASE_URL and REDIS_URL")
            return
        if given:
            missing = "REDIS_URL" if given == ["DATABASE_URL"] else "DATABASE_URL"
            raise CannotStart(f"{given[0]} is set and {missing} is not. Set both, or neither for embedded servers.")
        say("starting PostgreSQL and Valkey")
        self._running = _start(self._plan.data)
        environment["DATABASE_URL"] = self._running.addresses.database_url
        environment["REDIS_URL"] = self._running.addresses.redis_url

    def keep_up(self) -> None:
        """Start again a server that has ended."""
        if self._running:
            for name in self._running.revive():
                say(f"{name} had ended and was started again")

    def stop(self) -> None:
        if self._running:
            self._running.stop()
            self._running = None


def _start(data: Path) -> embedded.Running:
    try:
        return embedded.start(data)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise CannotStart(
            f"The embedded servers did not start: {error} Their logs are {data / 'postgres' / 'log'} and "
            f"{data / 'valkey' / 'valkey.log'}."
        ) from error
