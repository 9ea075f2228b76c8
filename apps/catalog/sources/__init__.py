"""Where models come from: `demo:…`, `path:…`, `hf:…`."""

from __future__ import annotations

from pathlib import Path

from apps.catalog.errors import CatalogError
from apps.catalog.sources.base import Description, Fetched, Report, Source
from apps.catalog.sources.demo import DemoSource
from apps.catalog.sources.folder import FolderSource
from apps.catalog.sources.hub import HubSource
from apps.catalog.sources.shipped import NAME, ShippedSource

__all__ = ["Description", "Fetched", "Report", "Source", "open_source"]


def open_source(text: str, *, from_file: Path | None = None) -> Source:
    """The source that `text` names. `from_file` is for demos: a file downloaded earlier. Raises CatalogError."""
    kind, _, rest = text.partition(":")
    if from_file and kind != "demo":
        raise CatalogError("--from goes with demo: sources only.")
    if kind == "demo":
        return _demo(rest, from_file)
    if kind == "path" and rest:
        return FolderSource(Path(rest).expanduser())
    if kind == "hf" and rest:
        return HubSource.parse(rest)
    raise CatalogError(
        f"{text[:200]!r} is no source of a model. Write demo:smollm2-135m, demo:emoji-64, path:FOLDER "
        "(or path:FILE.gguf, path:ADAPTER.safetensors), or hf:organisation/name@revision."
    )


def _demo(name: str, from_file: Path | None) -> Source:
    if name != NAME:
        return DemoSource(name, from_file)
    if from_file:
        raise CatalogError(f"demo:{NAME} comes with this program: it needs no --from.")
    return ShippedSource()
