"""The whole way of `models install`: source → store → catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.audit.record import Actor
from apps.catalog.actions import Wishes, add_version
from apps.catalog.fetching import fetch, find_stored
from apps.catalog.models import ModelVersion
from apps.catalog.sources import Report, Source
from apps.catalog.store import model_store
from engine.store.copying import Progress


@dataclass(frozen=True, slots=True)
class Installed:
    version: ModelVersion
    is_new: bool
    """False where the catalogue had this very version already."""


def install(
    *, actor: Actor | None, source: Source, wishes: Wishes, report: Report, progress: Callable[[int], Progress]
) -> Installed:
    """Raises CatalogError or StoreError; then nothing has changed. What is there already isn't fetched again."""
    store = model_store()
    manifest = find_stored(source, store) or fetch(source, store, report, progress)
    version, created = add_version(actor=actor, manifest=manifest, wishes=wishes)
    return Installed(version, created)
