"""`demo:emoji-64`: a small image model of our own, which lies in `models/` beside this program."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from apps.catalog.errors import CatalogError
from apps.catalog.sources.base import Description, Fetched, Report
from apps.catalog.sources.card import read_card

NAME = "emoji-64"
FOLDER = "models"


class ShippedSource:
    address = f"demo:{NAME}"
    revision = ""  # its files tell: each release of this program has one version of it

    def __init__(self) -> None:
        self._folder = Path(settings.BASE_DIR) / FOLDER / NAME

    def fetch(self, workspace: Path, downloads: Path, report: Report) -> Fetched:
        if not (self._folder / "model_index.json").is_file():
            raise CatalogError(
                f"The demo model should lie in {self._folder}, but it does not: bring it back from the release."
            )
        card = read_card(self._folder)
        described = Description(
            slug=NAME,
            name="Emoji 64",
            license_id=card.license_id,
            license_link=card.license_link,
            description="A very small image model: emoji of 64 × 64 pixels, on any processor. For trying things out.",
            model_card=card.text,
        )
        return Fetched(self._folder, described, take=False)

    def done(self, downloads: Path) -> None:
        """Nothing was kept."""
