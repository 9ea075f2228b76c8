"""Training in a child process: it needs torch for hours, and whoever starts it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from engine import own_process
from engine.training.errors import TrainingError

STOPPED = 130  # its exit status after Ctrl-C
SECONDS_TO_STOP = 60


def train_in_child(pictures: Path, out: Path, options: list[str], say: Callable[[str], None]) -> None:
    """`options` as `python -m engine.training` takes them; `say` gets each line. Raises TrainingError."""
    command = [sys.executable, "-m", "engine.training", str(pictures.resolve()), "--out", str(out.resolve()), *options]
    environment = own_process.environment()
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # others use these cores too
    child = subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=own_process.ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    last = _follow(child, say)
    if child.returncode == STOPPED:
        raise TrainingError(last)
    if child.returncode:
        raise TrainingError(last or f"Training ended with {child.returncode}: it was killed, or memory ran out.")


def _follow(child: subprocess.Popen[str], say: Callable[[str], None]) -> str:
    """The last line, which is not said where the child failed: it is the reason."""
    last = ""
    try:
        for line in child.stdout or ():
            if last:
                say(last)
            last = line.rstrip()
        child.wait()
    except KeyboardInterrupt:  # the child got it too, as part of the same terminal
        try:
            rest, _ = child.communicate(timeout=SECONDS_TO_STOP)
            last = rest.rstrip().rpartition("\n")[2] or last
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            child.kill()
            child.wait()
    if not child.returncode and last:
        say(last)
    return last
