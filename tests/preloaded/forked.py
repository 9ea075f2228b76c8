"""Processes that come from the server of preloaded ones.

    python -S tests/preloaded/forked.py ARGUMENTS

does what `python ARGUMENTS` does, in such a process with the same streams: so pytest-xdist starts its workers. It loads
nothing but a few modules of the standard library for that.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys

SERVER = "ATRIUM_TEST_PRELOADED"
"""Holds the path of the server's socket."""


class Forked:
    """`python ARGUMENTS` at the root of the checkout, forked by the server. `leads`: a group of processes."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], streams: list[int], *, leads: bool = False
    ) -> None:
        order = {"arguments": arguments, "environment": environment, "leads": leads}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.connect(os.environ[SERVER])
        socket.send_fds(self._server, [json.dumps(order).encode()], streams)
        self.pid = int(self._server.recv(32))
        self._status: int | None = None

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit status, as that of `subprocess.Popen`; None where it still runs after so many seconds."""
        if self._status is None and select.select([self._server], [], [], seconds)[0]:
            self._status = int(self._server.recv(32))
            self._server.close()
        return self._status

    def kill(self) -> None:
        if self.wait(0) is None:
            os.kill(self.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(Forked(sys.argv[1:], dict(os.environ), [0, 1, 2]).wait())
