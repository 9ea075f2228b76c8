"""Copying that hashes what it writes, so that what is recorded is what is stored."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from engine.store.errors import StoreError
from engine.store.manifest import CHUNK, FileEntry

RESERVE = 64 * 1024 * 1024  # bytes that stay free
Progress = Callable[[int], None]
"""Called with the number of bytes just written."""


def require_space(folder: Path, size: int) -> None:
    """Raises StoreError where `size` bytes don't fit below `folder`."""
    free = shutil.disk_usage(folder).free
    if free < size + RESERVE:
        raise StoreError(
            f"There is too little disk space in {folder}: {megabytes(size + RESERVE)} are needed, "
            f"{megabytes(free)} are free. Free some, or set MODEL_STORE to a larger disk."
        )


def copy_file(source: Path, target: Path, path: str, progress: Progress) -> FileEntry:
    """Copy, hash and flush one file to disk."""
    with _open_plain(source, path) as reading, target.open("xb") as writing:
        entry = _pour(reading, path, progress, writing)
        writing.flush()
        os.fsync(writing.fileno())
    target.chmod(0o444)
    return entry


def take_file(source: Path, target: Path, path: str, progress: Progress) -> FileEntry:
    """As `copy_file`, but the file itself is moved: for folders that are ours, on the same file system."""
    with _open_plain(source, path) as reading:
        entry = _pour(reading, path, progress)
        os.fsync(reading.fileno())
    source.rename(target)
    target.chmod(0o444)
    return entry


def _open_plain(source: Path, path: str) -> BinaryIO:
    """For reading; a link put there at the last moment is refused (O_NOFOLLOW)."""
    try:
        return os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise StoreError(f"{path} can't be read: {error.strerror}.") from error


def _pour(reading: BinaryIO, path: str, progress: Progress, writing: BinaryIO | None = None) -> FileEntry:
    hasher, size = hashlib.sha256(), 0
    while chunk := reading.read(CHUNK):
        hasher.update(chunk)
        if writing:
            writing.write(chunk)
        size += len(chunk)
        progress(len(chunk))
    return FileEntry(path, hasher.hexdigest(), size)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def megabytes(size: int) -> str:
    """1,234.5 MB"""
    return f"{size / 1e6:,.1f} MB"
