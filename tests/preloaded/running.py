"""The server of preloaded processes for as long as tests run, and processes that may come from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.preloaded.forked import SERVER, Forked

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


def run_python(arguments: list[str], environment: dict[str, str]) -> str:
    """What `python ARGUMENTS` says; preloaded where there is a server. Fails with what it complained of."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        if SERVER in os.environ:
            streams = [0, said.fileno(), complained.fileno()]
            status = Forked(arguments, environment, streams).wait()
        else:
            command = [sys.executable, *arguments]
            status = subprocess.run(command, cwd=ROOT, env=environment, stdout=said, stderr=complained).returncode
        for stream in (said, complained):
            stream.seek(0)
        assert status == 0, complained.read()
        return said.read()
