"""`path:FOLDER`, `path:FILE.gguf`, and `path:FILE.safetensors` of an adapter that is one file."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.utils.text import slugify

from apps.catalog.errors import CatalogError
from apps.catalog.licences import UNKNOWN
from apps.catalog.sources.base import Description, Fetched, Report
from apps.catalog.sources.card import read_card
from engine.convert.process import ConversionError, convert_gguf


class FolderSource:
    revision = ""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise CatalogError(f"There is nothing at {path}.")
        self._path = path
        self.address = f"path:{path.resolve()}"

    def fetch(self, workspace: Path, downloads: Path, report: Report) -> Fetched:
        if self._path.suffix.lower() == ".safetensors" and self._path.is_file():
            return self._alone(workspace)
        if self._path.is_file():
            return self._converted(workspace, report)
        card = read_card(self._path)
        return Fetched(self._path, self._described(card.license_id, card.license_link, card.text), take=False)

    def done(self, downloads: Path) -> None:
        """Nothing was kept."""

    def _alone(self, workspace: Path) -> Fetched:
        """What lies beside it belongs to something else."""
        folder = workspace / "alone"
        folder.mkdir()
        shutil.copyfile(self._path, folder / self._path.name)
        return Fetched(folder, self._described(UNKNOWN, "", ""))

    def _converted(self, workspace: Path, report: Report) -> Fetched:
        if self._path.suffix.lower() != ".gguf":
            raise CatalogError(
                f"{self._path.name} is no GGUF file and no adapter (.safetensors); give one, or the folder that holds "
                "config.json."
            )
        report(f"Converting {self._path.name} to bfloat16 safetensors …")
        card = read_card(self._path.parent)
        try:
            convert_gguf(self._path, workspace / "converted")
        except ConversionError as error:
            raise CatalogError(str(error)) from error
        return Fetched(workspace / "converted", self._described(card.license_id, card.license_link, card.text))

    def _described(self, license_id: str, link: str, card: str) -> Description:
        name = self._path.resolve().stem if self._path.is_file() else self._path.resolve().name
        return Description(slugify(name)[:80] or "model", name[:120], license_id, link, model_card=card)
