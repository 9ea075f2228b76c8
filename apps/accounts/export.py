"""What a person may take with them. Each app registers a function that lists that person's own rows."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from apps.accounts.models import User

Exporter = Callable[[User], list[dict[str, Any]]]
_exporters: dict[str, Exporter] = {}


def register_exporter(name: str, exporter: Exporter) -> None:
    """`name` becomes a file of the archive. Call this in `AppConfig.ready()`."""
    if name in _exporters:
        raise ValueError(f"There already is an exporter called {name}.")
    _exporters[name] = exporter


def export_of(user: User) -> bytes:
    """A zip archive with one JSON file for each kind of row."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for name, exporter in sorted(_exporters.items()):
            text = json.dumps(exporter(user), cls=DjangoJSONEncoder, indent=1, ensure_ascii=False)
            files.writestr(f"{name}.json", text)
    return archive.getvalue()
