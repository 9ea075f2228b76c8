"""What a model of the hub is, and whether it runs here: found out from small files, before the large ones come."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from django.conf import settings

from apps.catalog.adapters import base_by_name
from apps.catalog.errors import CatalogError
from apps.catalog.fetching import downloads_of
from apps.catalog.licences import UNKNOWN
from apps.catalog.models import HostedModel, ModelVersion
from apps.catalog.sources import Description
from apps.catalog.sources.card import read_card
from apps.catalog.sources.hub import HubSource
from apps.catalog.store import model_store
from engine.adapters import CONFIG, UnsupportedAdapter, read_config
from engine.architectures import UnsupportedModel, check_config, context_length, is_own
from engine.chat.errors import ChatError
from engine.janus.folder import ARCHITECTURE, is_janus, read_janus
from engine.pipelines import INDEX, read_pipeline
from engine.store import StoreError
from engine.store.checks import PICKLES, check_code_keys, read_json
from engine.store.copying import require_space

SMALL, MOST = 1024 * 1024, 64
"""Bytes of a file that is looked at, and how many of them there may be."""
LOOKED_AT = frozenset(
    {
        "README.md", INDEX, CONFIG, "config.json", "generation_config.json", "preprocessor_config.json",
        "processor_config.json", "scheduler_config.json", "tokenizer_config.json",
    }
)  # fmt: skip


class Kind(StrEnum):
    TEXT = "Writes texts"
    IMAGE = "Draws pictures"
    BOTH = "Reads pictures, writes and draws"
    ADAPTER = "An adapter"


@dataclass(frozen=True, slots=True)
class Found:
    source: HubSource
    description: Description
    size: int
    """Bytes to download, of `files` files."""
    files: int
    free: int
    """Bytes on the disk of the model store."""
    kind: Kind | None = None
    """None where it can't be told."""
    architecture: str = ""
    context_length: int | None = None
    base: ModelVersion | None = None
    refusal: str = ""
    """Why it can't be installed, in words; "" where nothing stands against it so far."""
    installed: ModelVersion | None = None
    """This very revision, where it is in the catalogue already."""
    successor_of: HostedModel | None = None
    """What has another revision in use, which this one would take the place of at once."""

    @property
    def reads(self) -> int | None:
        return min(self.context_length, settings.MAX_CONTEXT) if self.context_length else None

    @property
    def is_adapter(self) -> bool:
        return self.kind == Kind.ADAPTER

    @property
    def takes_weights(self) -> bool:
        """Whether they may be kept in fewer bits."""
        return self.kind == Kind.TEXT and is_own(self.architecture)

    @property
    def is_compatible_only(self) -> bool:
        return self.kind == Kind.TEXT and not is_own(self.architecture)

    @property
    def has_licence(self) -> bool:
        return self.description.license_id != UNKNOWN

    @property
    def repository(self) -> str:
        return self.source.address.removeprefix("hf:")

    @property
    def pinned(self) -> str:
        """What to ask for, so that nothing else is fetched than was looked at."""
        return f"{self.source.address}@{self.source.revision}"


@dataclass(frozen=True, slots=True)
class _Told:
    kind: Kind
    architecture: str = ""
    context_length: int | None = None
    base: ModelVersion | None = None


def look_at(source: HubSource, *, base: str = "") -> Found:
    """Raises CatalogError, or StoreError for names that lead out of the folder, where nothing can be told.

    base: of an adapter, the id of the model that it is to go on.
    """
    files, store = source.files, model_store()
    store.root.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="atrium-look-") as temporary:
        folder = Path(temporary)
        source.bring(_looked_at(files), folder)
        described, told, refusal = source.described(folder), None, ""
        try:
            told = _told(folder, set(files), base)
            _require_weights(source.paths, set(files))
            require_space(store.root, sum(files.values()) - source.fetched(downloads_of(store)))
        except (UnsupportedModel, UnsupportedAdapter, ChatError, StoreError, CatalogError, OSError) as error:
            # What is missing is missing on the hub, not in this folder of ours.
            refusal = str(error).replace(f" in {folder}", "")
    known = ModelVersion.objects.filter(source=source.address).select_related("hosted_model").order_by("-installed_at")
    installed = known.filter(revision=source.revision).first()
    earlier = None if installed else known.first()
    return Found(
        source=source,
        description=described,
        size=sum(files.values()),
        files=len(files),
        free=shutil.disk_usage(store.root).free,
        kind=told.kind if told else _likely(set(files)),
        architecture=told.architecture if told else "",
        context_length=told.context_length if told else None,
        base=told.base if told else None,
        refusal=refusal,
        installed=installed,
        successor_of=earlier.hosted_model if earlier else None,
    )


def _told(folder: Path, files: set[str], base: str) -> _Told:
    """Raises what the check after the download would raise of these files."""
    kind = _likely(files)
    if kind != Kind.ADAPTER and base:
        raise CatalogError("A base goes with adapters only, and this is a whole model: leave that empty.")
    if kind == Kind.ADAPTER:
        said = read_config(read_json(folder / CONFIG)).base_name if CONFIG in files else ""
        on = base_by_name(base, said or read_card(folder).base_name)
        return _Told(kind, on.architecture, on.context_length, on)
    check_code_keys(folder, tuple(path for path in files if (folder / path).is_file()))
    if kind == Kind.IMAGE:
        return _Told(kind, read_pipeline(folder).kind.pipeline)
    needed = next((name for name in ("config.json", "tokenizer.json") if name not in files), None)
    if needed:
        raise CatalogError(f"There is no {needed}; a model needs it beside its weights.")
    if is_janus(folder):
        return _Told(Kind.BOTH, ARCHITECTURE, read_janus(folder).context_length)
    config = read_json(folder / "config.json")
    return _Told(Kind.TEXT, check_config(config), context_length(config))


def _likely(files: set[str]) -> Kind | None:
    """By the names of its files."""
    if INDEX in files:
        return Kind.IMAGE
    if any(PurePosixPath(path).name == CONFIG for path in files):
        return Kind.ADAPTER
    if "config.json" in files:
        return Kind.TEXT
    return Kind.ADAPTER if _has_weights(files) else None


def _require_weights(all_paths: list[str], files: set[str]) -> None:
    if _has_weights(files):
        return
    suffixes = {PurePosixPath(path).suffix.lower() for path in all_paths}
    if ".gguf" in suffixes:
        raise CatalogError(
            "Its weights are there as GGUF only. Download one of the files and install it on the command line: "
            "manage.py models install path:FILE.gguf"
        )
    if found := sorted(suffixes & PICKLES):
        raise CatalogError(
            f"Its weights are there as pickles only ({', '.join(found)}), which can run code when they are opened. "
            "Look for a copy in safetensors."
        )
    raise CatalogError("There are no weights in it (*.safetensors).")


def _has_weights(files: set[str]) -> bool:
    return any(path.endswith(".safetensors") for path in files)


def _looked_at(files: Mapping[str, int]) -> list[str]:
    found = [path for path, size in files.items() if size <= SMALL and PurePosixPath(path).name in LOOKED_AT]
    if len(found) > MOST:
        raise CatalogError(f"It has {len(found)} files of settings; a model has {MOST} at most.")
    return found
