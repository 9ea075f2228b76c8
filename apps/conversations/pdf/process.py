"""The site's side: reads a PDF in a process that can be ended, a few at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

from engine.own_process import ROOT

COMMAND = ("-m", "apps.conversations.pdf")
SECONDS = 30.0
"""On a busy machine, where the child's own limit of processor time doesn't come into it."""
AT_ONCE = 2
WAIT_SECONDS = 20.0
TOO_MUCH = "Reading it takes too much time or memory. Save the pages that you need as a PDF of their own."
BUSY = "Other PDFs are being read just now. Try again in a moment."

_room = threading.BoundedSemaphore(AT_ONCE)


class PdfError(Exception):
    """A sentence about the file, for whoever brought it."""


class BusyError(Exception):
    """A sentence: nothing is wrong with the file."""


def text_of(data: bytes, most: int) -> str:
    """Of up to `most` characters, each page under its number. Raises PdfError or BusyError."""
    if not _room.acquire(timeout=WAIT_SECONDS):
        raise BusyError(BUSY)
    try:
        said = _said(data, most)
    finally:
        _room.release()
    if "problem" in said:
        raise PdfError(said["problem"])
    return said["text"]


def _said(data: bytes, most: int) -> dict[str, str]:
    command = [sys.executable, *COMMAND, str(most)]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}  # none of the site's secrets
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=ROOT, env=environment, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
        )  # fmt: skip
        said: dict[str, str] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):  # its limits ended it, or we did
        return {"problem": TOO_MUCH}
    return said
