"""python -m tests.prepared: installs the demo model for the tests of this checkout, where it isn't there yet."""

from __future__ import annotations

import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
    os.environ.setdefault("ATRIUM_ENV", "test")
    django.setup()
    from apps.catalog.errors import CatalogError
    from engine.store import StoreError
    from tests import demo_model

    try:
        demo_model.ensure_demo_store(report=print)
    except (CatalogError, StoreError) as error:
        print(f"atrium: {error} The tests that need the demo model will fail.", file=sys.stderr)


if __name__ == "__main__":
    main()
