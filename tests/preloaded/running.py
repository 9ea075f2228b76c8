"""The server of preloaded processes, for as long as tests run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.preloaded.forked import SERVER

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def preloaded_server(folder: Path) -> Iterator[None]:
    """In `folder` is its socket, which this process and those that it starts find in their environment."""
    path = str(folder / "preloaded")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(64)  # whoever is early waits until all is loaded
        command = [sys.executable, "-m", "tests.preloaded.server", str(listening.fileno())]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listening.fileno()])
    os.environ[SERVER] = path
    try:
        yield
    finally:
        del os.environ[SERVER]
        server.communicate()  # which closes its standard input
