"""Many pictures as one ZIP, written while it is sent: one picture at a time is in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from engine.pictures.file_names import UniqueNames


def zipped(files: Iterable[tuple[str, datetime, bytes]]) -> Iterator[bytes]:
    """Pieces of a ZIP with these files (name, time, content), not packed further, as pictures already are.

    `files` is asked for the next one when those before have been sent. Of equal names the later get numbers.
    """
    sent, names = _Outbox(), UniqueNames()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:
        for name, made_at, content in files:
            entry = zipfile.ZipInfo(names.take(name), max(made_at.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
            yield sent.take()
    yield sent.take()


class _Outbox(io.RawIOBase):
    """Keeps what was written until it is taken; can't be gone back in, so nothing needs to be kept longer."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._waiting.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._waiting)
        self._waiting.clear()
        return taken
