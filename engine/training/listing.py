"""Which files of a folder are pictures to learn from. Imports no torch: a wrong folder is refused at once."""

from __future__ import annotations

from pathlib import Path

from engine.training.errors import TrainingError

ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
FEWEST = 8


def picture_files(folder: Path, *, fewest: int = FEWEST) -> list[Path]:
    """In the order of their names. Raises TrainingError."""
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}.")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
    if not files:
        raise TrainingError(f"There are no pictures in {folder}: it wants PNG, JPEG or WebP files.")
    if len(files) < fewest:
        raise TrainingError(f"There are only {len(files)} pictures in {folder}: at least {fewest} are needed.")
    return files
