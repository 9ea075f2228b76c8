"""What the engine and the processes that follow grammars say to each other over a stream socket: tagged frames."""

from __future__ import annotations

import socket
import struct
from enum import IntEnum

HEADER = struct.Struct("<BI")
"""Tag, and the length of what follows."""


class Tag(IntEnum):
    JSON_SCHEMA = 1
    REGEX = 2
    LARK = 3
    TOKEN = 4
    """The token that was chosen, four bytes."""
    MASK = 5
    """Which tokens may come next, a bit for each, the lowest of a byte first."""
    REFUSED = 6
    """Why not, in words."""


TOKEN = struct.Struct("<I")


def send(connection: socket.socket, tag: Tag, body: bytes) -> None:
    connection.sendall(HEADER.pack(tag, len(body)) + body)


def receive(connection: socket.socket) -> tuple[Tag, bytes]:
    """Raises EOFError where the other side is gone."""
    tag, length = HEADER.unpack(_exactly(connection, HEADER.size))
    return Tag(tag), _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    body = bytearray()
    while len(body) < length:
        piece = connection.recv(length - len(body))
        if not piece:
            raise EOFError
        body += piece
    return bytes(body)
