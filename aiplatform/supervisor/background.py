"""A site for as long as a program needs it: `manage.py up` as a child, its words in a log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiplatform.supervisor.plan import CannotStart, running_site
from aiplatform.supervisor.terminal import last_lines, say

START_SECONDS = 420
STOP_SECONDS = 90


@contextmanager
def background_site(
    root: Path, data: Path, *, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Starts the site in `root` with its data in `data`; gives its address once it is ready. Raises CannotStart."""
    log = data / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    say(f"starting the site; its words go to {log}")
    told = dict(os.environ if environment is None else environment)
    told |= {"PORT": str(port), "HOST": "127.0.0.1", "ATRIUM_DATA": str(data)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=root,
            env=told,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield _wait(process, data, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(process: subprocess.Popen[bytes], data: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CannotStart(last_lines(log))
        if (found := running_site(data)) and found["is_ready"]:
            return str(found["url"])
        time.sleep(0.2)
    raise CannotStart(f"The site is not ready after {START_SECONDS} s:\n{last_lines(log)}")
