"""The files of pictures: written whole or not at all, under names that say nothing, and never served as they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from engine.pictures import SIDES


def path_of(artifact_id: str) -> Path:
    return folder_of(artifact_id) / f"{artifact_id}.png"


def thumbnail_path(artifact_id: str, size: int) -> Path:
    return folder_of(artifact_id) / f"{artifact_id}.{size}.webp"


def folder_of(artifact_id: str) -> Path:
    root: Path = settings.ARTIFACT_STORE
    return root / artifact_id[:2]


def write(path: Path, data: bytes) -> None:
    """After this the file is there, also if the machine loses its power; before, nothing is. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        try:
            part.write(data)
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    _keep_name(path.parent)


def read(artifact_id: str) -> bytes | None:
    """The PNG; None where there is none."""
    with suppress(FileNotFoundError):
        return path_of(artifact_id).read_bytes()
    return None


def copy(artifact_id: str, new_id: str) -> None:
    """Without a second copy where the disk knows links: a picture's file never changes. Raises OSError."""
    source, path = path_of(artifact_id), path_of(new_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.utime(source)  # young, for who looks for files without a row
    try:
        path.hardlink_to(source)
    except OSError:
        write(path, source.read_bytes())
    else:
        _keep_name(path.parent)


def remove(artifact_id: str) -> None:
    """The picture and its thumbnails, those that there are."""
    for path in (path_of(artifact_id), *(thumbnail_path(artifact_id, size) for size in SIDES)):
        path.unlink(missing_ok=True)


def folders() -> Iterator[Path]:
    """Those that pictures lie in."""
    root: Path = settings.ARTIFACT_STORE
    if root.is_dir():
        yield from (folder for folder in sorted(root.iterdir()) if folder.is_dir() and len(folder.name) == 2)


def _keep_name(folder: Path) -> None:
    """The name of a new file lives in its folder, which has to reach the disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
