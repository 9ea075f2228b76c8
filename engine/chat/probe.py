"""Trying a model's tokenizer and chat template in a child process that can be killed, before anything trusts them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from engine.chat.errors import ChatError

LOAD_SECONDS = 60.0  # start of Python and reading of a large tokenizer.json on a busy machine
RENDER_SECONDS = 2.0
ROOT = Path(__file__).resolve().parent.parent.parent


def probe_folder(folder: Path) -> None:
    """Raises ChatError where the tokenizer can't be read, or the template fails, runs away or makes too much text."""
    command = [sys.executable, "-m", "engine.chat", str(folder.resolve())]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            if not _line(child, LOAD_SECONDS):
                _fail(child, "The tokenizer or the chat template can't be read")
            if _line(child, RENDER_SECONDS) != b"done\n":
                _fail(child, f"The chat template doesn't finish within {RENDER_SECONDS:g} seconds")
        finally:
            child.kill()


def _line(child: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line of the child's output; b"" where it ended or the time is over."""
    assert child.stdout is not None
    until, line = time.monotonic() + seconds, b""
    descriptor = child.stdout.fileno()
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
        if not ready or not (more := os.read(descriptor, 1)):
            return b""
        line += more
    return line


def _fail(child: subprocess.Popen[bytes], otherwise: str) -> None:
    """Raises ChatError with the child's own sentence where it said one."""
    child.kill()
    _, complaint = child.communicate()
    said = complaint.decode(errors="replace").strip().splitlines()
    raise ChatError(said[-1][:500] if said else f"{otherwise}.")
