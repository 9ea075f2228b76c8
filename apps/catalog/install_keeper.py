"""A chore: sees to it that somebody works at what was asked for, in a process of its own, one at a time.

The chore itself only looks and starts, so that housekeeping ends as fast as ever. The process ends with it, however it
ends: what it reads from is closed then.
"""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings

from apps.catalog.install_claims import Claim, cancelled_and_free, claim, end_cancelled, let_go

PROGRAM = "apps.catalog.install_process"
QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
_running: tuple[Claim, subprocess.Popen[bytes]] | None = None


def keep_installs() -> None:
    global _running
    if _running is not None and _running[1].poll() is not None:
        let_go(_running[0])  # where it was killed: nobody has to wait until its lease runs out
        _running = None
    for install in cancelled_and_free():
        # Here and not above: whoever only starts the site needs no client of the hub.
        from apps.catalog.installs import discard

        discard(install)
        end_cancelled(install)
    if _running is None and (found := claim()):
        _running = found, _started(found)


def _started(found: Claim) -> subprocess.Popen[bytes]:
    """Apart from our group of processes: it hears of the end by its input, and gives back what it holds."""
    command = [sys.executable, "-m", PROGRAM, found.install, str(found.attempt)]
    return subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=settings.BASE_DIR, env=os.environ | QUIET, stdin=subprocess.PIPE, start_new_session=True
    )
