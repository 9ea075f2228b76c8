"""A server on a raw socket that does what it is told, right or wrong, one script for each connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[["Connection"], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


class Connection:
    """One client. `closed` is set once it has gone away."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.request = b""
        self.closed = threading.Event()

    def read_request(self) -> None:
        while b"\r\n\r\n" not in self.request:
            self.request += self.raw.recv(65536)
        head, _, body = self.request.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self.raw.recv(65536)
        self.request = head + b"\r\n\r\n" + body

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.raw.sendall(piece)

    def until_closed(self) -> None:
        """Say nothing until the client goes away."""
        with suppress(OSError):
            while self.raw.recv(65536):
                pass
        self.closed.set()


class FaultyServer:
    """Plays the scripts in turn, the last one again and again."""

    def __init__(self, *scripts: Script, reads: bool = True) -> None:
        self.reads = reads
        self.scripts = list(scripts)
        self.connections: list[Connection] = []
        self.was_asked = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):  # wakes the accept
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.raw.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                raw, _ = self._listening.accept()
                script = self.scripts[min(len(self.connections), len(self.scripts) - 1)]
                connection = Connection(raw)
                self.connections.append(connection)
                self.was_asked.set()
                threading.Thread(target=self._play, args=(connection, script), daemon=True).start()

    def _play(self, connection: Connection, script: Script) -> None:
        with connection.raw, suppress(OSError):
            if self.reads:
                connection.read_request()
            script(connection)
            connection.raw.shutdown(socket.SHUT_WR)
            connection.until_closed()


@contextmanager
def faulty(*scripts: Script, reads: bool = True) -> Iterator[FaultyServer]:
    """`reads`: whether it reads a request before it says anything."""
    server = FaultyServer(*scripts, reads=reads)
    try:
        yield server
    finally:
        server.close()


def chunk(text: str = "", finish: str | None = None, **more: object) -> bytes:
    """As vLLM would send it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def says(*pieces: bytes) -> Script:
    """A stream of these, and then the end of the connection."""
    return lambda connection: connection.send(HEAD, *pieces)


def then_hangs(*pieces: bytes) -> Script:
    def script(connection: Connection) -> None:
        connection.send(*pieces)
        connection.until_closed()

    return script


def answers(status: str, *headers: str, body: bytes = b"") -> Script:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection: connection.send("\r\n".join(lines).encode() + body)


def hangs_up(connection: Connection) -> None:
    """Before a word of an answer."""
