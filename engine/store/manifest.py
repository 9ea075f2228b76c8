"""What a stored model consists of, and the digest that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from engine.store.errors import StoreError

FORMAT = 1
CHUNK = 4 * 1024 * 1024  # bytes read at a time


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One file: its path inside the model's folder (POSIX, relative), its SHA-256 in hex, its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of one model, in order of their paths; `metadata` describes it and is no part of the digest."""

    files: tuple[FileEntry, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical list of files: the same files have the same digest, wherever they came from."""
        listed = json.dumps([asdict(entry) for entry in self.files], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"atrium-model-{FORMAT}\n{listed}".encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    @classmethod
    def of(cls, files: Iterable[FileEntry], metadata: Mapping[str, Any]) -> Self:
        return cls(tuple(sorted(files)), dict(metadata))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises StoreError where the file is missing or isn't one of ours."""
        try:
            kept = json.loads(path.read_bytes())
            return cls.of((FileEntry(**entry) for entry in kept["files"]), kept["metadata"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"The list of files {path} can't be read; install the model again.") from error

    def to_json(self) -> str:
        files = [asdict(entry) for entry in self.files]
        kept = {"format": FORMAT, "digest": self.digest, "files": files, "metadata": self.metadata}
        return json.dumps(kept, indent=1)


def hash_file(path: Path) -> str:
    """SHA-256 in hex of a file's bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
