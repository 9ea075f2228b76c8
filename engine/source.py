"""Where the engine gets its models from. Imports neither torch nor transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from engine.adapters import CONFIG
from engine.adapters.pictures import is_lora
from engine.pipelines import INDEX


class ModelUnavailable(Exception):
    """This model can't be had; the message is a sentence a person can act on."""


class ModelSource(Protocol):
    def path(self, model: str) -> Path:
        """A verified folder: config.json, *.safetensors and tokenizer.json of a text model, model_index.json and the
        parts of an image model, or the files of an adapter (see engine.adapters). Raises ModelUnavailable.

        Called once for every load, in a thread of its own; it may take its time.
        """
        ...


class FolderSource:
    """Models and adapters that are folders: {key: folder}. For tests, benchmarks and use without a store."""

    def __init__(self, **folders: Path) -> None:
        self._folders = folders

    def path(self, model: str) -> Path:
        folder = self._folders.get(model)
        known = folder is not None and any((folder / name).is_file() for name in ("config.json", CONFIG, INDEX))
        if folder is None or not (known or is_lora(folder)):
            raise ModelUnavailable(f"There is no model or adapter “{model}” here.")
        return folder
