"""From a source into the model store. Touches no database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from apps.catalog.sources import Report, Source
from engine.store import Manifest, ModelStore
from engine.store.copying import Progress


def downloads_of(store: ModelStore) -> Path:
    """Where what comes from a hub is kept until it is whole."""
    return store.root / ".downloads"


def find_stored(source: Source, store: ModelStore) -> Manifest | None:
    """The model of this source and revision, where the store has it already."""
    if not source.revision:
        return None
    for manifest in store.manifests():
        if (manifest.metadata.get("source"), manifest.metadata.get("revision")) == (source.address, source.revision):
            return manifest
    return None


def fetch(
    source: Source,
    store: ModelStore,
    report: Report,
    progress: Callable[[int], Progress],
    inspect: Callable[[Path], object],
) -> Manifest:
    """Download or convert, check, copy in. Raises CatalogError or StoreError and leaves nothing half there.

    `progress` makes, for a number of bytes, what is told about each chunk; `inspect` may refuse the folder by raising.
    """
    store.clear_abandoned()
    downloads = downloads_of(store)
    with store.staging() as workspace:
        fetched = source.fetch(workspace, downloads, report)
        inspect(fetched.folder)
        metadata = {
            "source": source.address,
            "revision": source.revision,
            **asdict(fetched.description),
            **fetched.also,
        }
        size = sum(path.stat().st_size for path in fetched.folder.rglob("*") if path.is_file())
        manifest = store.install(
            fetched.folder, metadata, expected=fetched.expected, take=fetched.take, progress=progress(size)
        )
    source.done(downloads)
    return manifest
