"""Downloads over HTTP from a running site: how soon they begin, how fast they come, what the server needs for them."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

CHUNK = 1 << 16


class Server:
    """The web process of a site, as its clients and the kernel see it."""

    def __init__(self, port: int, pid: int, cookies: dict[str, str]) -> None:
        self.port, self._status, self._refs = port, Path(f"/proc/{pid}/status"), Path(f"/proc/{pid}/clear_refs")
        self._headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}

    def download(self, address: str) -> dict[str, Any]:
        """Times of one download; by how much the process grew, at most; the longest that somebody else waited."""
        before = self._restart_peak()
        others = _Others(self)
        began = perf_counter()
        response = self._ask(address)
        first = response.read(1)
        waited, size = perf_counter() - began, len(first)
        while block := response.read(CHUNK):
            size += len(block)
        taken = perf_counter() - began
        return {
            "first_byte_ms": round(waited * 1000),
            "seconds": round(taken, 1),
            "mib": round(size / 2**20),
            "grew_mib": round(self._kib("VmHWM") / 1024 - before),
            "others_waited_ms": others.stop(),
        }

    def _ask(self, address: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("GET", address, headers=self._headers)
        response = connection.getresponse()
        assert response.status == 200, (address, response.status)
        return response

    def visit(self, address: str) -> float:
        """Milliseconds for all of it."""
        began = perf_counter()
        self._ask(address).read()
        return (perf_counter() - began) * 1000

    def _restart_peak(self) -> float:
        """From now on the peak counts anew; the size now in MiB."""
        self._refs.write_text("5")
        return self._kib("VmRSS") / 1024

    def _kib(self, name: str) -> int:
        lines = self._status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


class _Others:
    """Somebody who asks for a small page again and again."""

    def __init__(self, server: Server) -> None:
        self._server, self._ended, self._longest = server, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def _visit(self) -> None:
        while not self._ended.is_set():
            self._longest = max(self._longest, self._server.visit("/healthz"))
            sleep(0.05)

    def stop(self) -> int:
        self._ended.set()
        self._thread.join(60)
        return round(self._longest)
