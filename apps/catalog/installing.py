"""The whole way of `models install`: source → store → catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from apps.audit.record import Actor
from apps.catalog.actions import Wishes, add_version
from apps.catalog.adapters import base_of
from apps.catalog.fetching import fetch, find_stored
from apps.catalog.models import ModelVersion
from apps.catalog.sources import Report, Source
from apps.catalog.store import model_store
from engine.store import Manifest
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
    manifest = bring(source=source, wishes=wishes, report=report, progress=progress)
    version, created = add_version(actor=actor, manifest=manifest, wishes=wishes)
    return Installed(version, created)


def bring(*, source: Source, wishes: Wishes, report: Report, progress: Callable[[int], Progress]) -> Manifest:
    """Into the store, and not yet into the catalogue. Raises CatalogError or StoreError."""
    store = model_store()
    return find_stored(source, store) or fetch(source, store, report, progress, partial(_has_base, wishes))


def _has_base(wishes: Wishes, folder: Path) -> None:
    """Asked before anything is copied. One that is installed already is told apart by its digest, later."""
    base_of(folder, wishes.base)
