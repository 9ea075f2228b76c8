"""Folders in which installs are prepared, on the same file system as the store, and the clearing of abandoned ones."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "owner.lock"


class Staging:
    """`root/.staging/<random>/`, each with a lock file that its owner holds.

    The kernel lets go of the lock when the owner dies, however it dies, so a folder whose lock is free is rubbish.
    """

    def __init__(self, root: Path) -> None:
        self._root = root / ".staging"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A fresh folder, gone afterwards (what was renamed out of it stays)."""
        with self._guard():
            made = Path(tempfile.mkdtemp(dir=self._root))
            lock = os.open(made / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            os.close(lock)

    def clear_abandoned(self) -> int:
        """Remove the folders of dead owners; how many there were."""
        if not self._root.is_dir():
            return 0
        with self._guard():
            found = [path for path in self._root.iterdir() if path.is_dir() and _is_abandoned(path)]
            for path in found:
                shutil.rmtree(path, ignore_errors=True)
        return len(found)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """One process at a time between making a folder and holding its lock."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / "guard.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
