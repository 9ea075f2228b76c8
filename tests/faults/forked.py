"""What a forked process does to become a worker. Imports nothing of the site: that has to read its own environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent.parent
COMMAND = ["celery", "-A", "aiplatform", "worker", "--pool=threads", "--concurrency=4"]


def run_celery(environment: dict[str, str], log: str) -> None:
    """In a process group of its own."""
    os.setsid()
    with Path(log).open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    os.chdir(SITE)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = COMMAND
    from celery.__main__ import main

    main()
