"""ModelStore: models on disk, each in a folder named by its digest."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from engine.chat.errors import ChatError
from engine.chat.probe import probe_folder
from engine.store.adapters import check_adapter, is_adapter
from engine.store.checks import check_relative
from engine.store.copying import Progress, copy_file, require_space, sync_folder, take_file
from engine.store.errors import StoreError
from engine.store.folders import check_folder
from engine.store.manifest import FileEntry, Manifest, hash_file
from engine.store.staging import Staging

MANIFEST, FILES = "manifest.json", "files"


class ModelStore:
    """`root/<digest>/manifest.json` and `root/<digest>/files/…`; a model is either there as a whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = Staging(root)
        self._verified: set[str] = set()
        self._lock = threading.Lock()

    def install(
        self,
        folder: Path,
        metadata: Mapping[str, Any],
        *,
        expected: Mapping[str, str] | None = None,
        take: bool = False,
        progress: Progress = lambda _bytes: None,
    ) -> Manifest:
        """Check, copy and hash `folder`, then let it appear in the store at once. Repeating it changes nothing.

        `expected` maps paths to the SHA-256 that their publisher states. With `take` the files of `folder`, which lies
        on the store's own disk, are moved instead of copied. Raises StoreError and leaves nothing behind.
        """
        self.clear_abandoned()
        facts = check_adapter(folder) if is_adapter(folder) else check_folder(folder)
        self.root.mkdir(parents=True, exist_ok=True)
        require_space(self.root, 0 if take else facts.size)
        bring = take_file if take else copy_file
        with self.staging() as staged:
            _make_folders(staged / FILES, facts.files)
            files = [bring(folder / path, staged / FILES / path, path, progress) for path in facts.files]
            _compare(files, expected or {})
            _check_copy(staged / FILES)
            manifest = Manifest.of(files, metadata)
            self._publish(staged, manifest)
        return manifest

    def path(self, digest: str) -> Path:
        """The model's folder, after a cheap check: every file there, of the right size. Raises StoreError."""
        folder = self.root / digest / FILES
        for entry in self.manifest(digest).files:
            try:
                size = (folder / check_relative(entry.path)).lstat().st_size
            except OSError:
                size = -1
            if size != entry.size:
                raise StoreError(f"{entry.path} of the model {digest[:12]} is missing or damaged; install it again.")
        return folder

    def verified_path(self, digest: str) -> Path:
        """As `path`, with every byte hashed the first time this process asks. Raises StoreError."""
        with self._lock:
            if digest not in self._verified:
                self.verify(digest)
                self._verified.add(digest)
        return self.path(digest)

    def verify(self, digest: str) -> None:
        """Hash everything again. Raises StoreError, naming the first file that isn't what was installed."""
        manifest = self.manifest(digest)
        folder = self.path(digest)
        if manifest.digest != digest:
            raise StoreError(f"The list of files of the model {digest[:12]} was changed; install it again.")
        for entry in manifest.files:
            if hash_file(folder / entry.path) != entry.sha256:
                raise StoreError(f"{entry.path} of the model {digest[:12]} was changed since it was installed.")

    def manifest(self, digest: str) -> Manifest:
        """Raises StoreError where there is no such model."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise StoreError(f"{digest[:80]!r} is no digest of a model.")
        if not (self.root / digest).is_dir():
            raise StoreError(f"The model {digest[:12]} is not in the model store {self.root}; install it again.")
        return Manifest.read(self.root / digest / MANIFEST)

    def manifests(self) -> Iterator[Manifest]:
        """All readable ones, in the order of their digests."""
        for folder in sorted(self.root.glob("?" * 64)):
            try:
                yield self.manifest(folder.name)
            except StoreError:
                continue

    def remove(self, digest: str) -> None:
        """Take the model out of the store; one that isn't there is no error."""
        with self._lock:
            self._verified.discard(digest)
        if not (self.root / digest).is_dir():
            return
        with self.staging() as staged:  # renamed first: it disappears at once, also when we are killed half-way
            (self.root / digest).rename(staged / "removed")
            sync_folder(self.root)

    def staging(self) -> AbstractContextManager[Path]:
        """A folder beside the store for downloads and conversions; cleared when its process is gone."""
        return self._staging.folder()

    def clear_abandoned(self) -> int:
        """Clear what killed installs left; how many."""
        return self._staging.clear_abandoned()

    def _publish(self, staged: Path, manifest: Manifest) -> None:
        ready = staged / "ready"
        ready.mkdir()
        (staged / FILES).rename(ready / FILES)
        with (ready / MANIFEST).open("x") as writing:
            writing.write(manifest.to_json())
            writing.flush()
            os.fsync(writing.fileno())
        for below in (ready / FILES).rglob("*"):
            if below.is_dir():
                sync_folder(below)
        sync_folder(ready / FILES)
        sync_folder(ready)
        target = self.root / manifest.digest
        if target.exists() and self._is_whole(manifest.digest):
            return
        shutil.rmtree(target, ignore_errors=True)  # damaged: replaced
        ready.rename(target)
        sync_folder(self.root)

    def _is_whole(self, digest: str) -> bool:
        try:
            self.verify(digest)
        except StoreError:
            return False
        return True


def _make_folders(root: Path, files: Iterable[str]) -> None:
    """With those inside it that the files lie in."""
    for folder in {root, *((root / path).parent for path in files)}:
        folder.mkdir(parents=True, exist_ok=True)


def _compare(files: list[FileEntry], expected: Mapping[str, str]) -> None:
    for entry in files:
        wanted = expected.get(entry.path, entry.sha256)
        if entry.sha256 != wanted:
            raise StoreError(
                f"{entry.path} is not what its publisher states: SHA-256 {entry.sha256[:12]}… instead of "
                f"{wanted[:12]}…. Download it again."
            )


def _check_copy(folder: Path) -> None:
    """The copy is what counts, should the original have changed meanwhile; a model's template is tried in a child
    process."""
    if is_adapter(folder):
        check_adapter(folder)
        return
    facts = check_folder(folder)
    if facts.image is not None and not facts.chat_template:
        return
    try:
        probe_folder(folder)
    except ChatError as error:
        raise StoreError(str(error)) from error
