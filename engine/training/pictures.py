"""A folder of pictures with captions: `name.png` beside `name.txt` (one caption a line), or the words of its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.training.errors import TrainingError
from engine.training.listing import FEWEST, picture_files

LARGEST = 64_000_000  # pixels in one file: more is a mistake, or a bomb
FORMATS = ("PNG", "JPEG", "WEBP")
"""Whatever a file is called: other readers of Pillow's start programs, or read other files."""
LONGEST_CAPTION = 300  # characters
LARGEST_CAPTIONS = 1_000_000  # bytes of one file


@dataclass(frozen=True, slots=True)
class Pictures:
    """`pixels`: uint8 [count, 3, size, size]; `captions[i]`: what picture i may be called."""

    names: list[str]
    pixels: torch.Tensor
    captions: list[list[str]]

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device) -> Pictures:
        return replace(self, pixels=self.pixels.to(device))

    def scaled(self, rows: torch.Tensor) -> torch.Tensor:
        """float32 in -1 … 1."""
        return self.pixels[rows].float() / 127.5 - 1


def read_pictures(folder: Path, size: int, *, fewest: int = FEWEST) -> Pictures:
    """In the order of their names. Raises TrainingError, naming the file that is at fault."""
    files = picture_files(folder, fewest=fewest)
    pixels = torch.from_numpy(np.stack([_read(file, size) for file in files]))
    return Pictures([file.stem for file in files], pixels, [_captions(file) for file in files])


def _read(file: Path, size: int) -> np.ndarray:
    """On white, the middle square of it, [3, size, size]."""
    try:
        with Image.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height > LARGEST:
                raise TrainingError(f"{file.name} is too large: {picture.width} × {picture.height} pixels.")
            drawn = picture.convert("RGBA")
    except TrainingError:
        raise
    except Exception as error:  # decoders raise what they meet: OSError, SyntaxError, struct.error …
        raise TrainingError(f"{file.name} can't be read as a picture. Mend it or take it out of the folder.") from error
    flat = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    side = min(flat.size)
    left, top = (flat.width - side) // 2, (flat.height - side) // 2
    square = flat.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(square).transpose(2, 0, 1).copy()


def _captions(file: Path) -> list[str]:
    beside = file.with_suffix(".txt")
    if beside.is_file():
        if beside.stat().st_size > LARGEST_CAPTIONS:
            raise TrainingError(f"{beside.name} has more than 1 MB: one caption a line, a few lines.")
        try:
            lines = [line.strip() for line in beside.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f"{beside.name} can't be read: captions are plain UTF-8 text.") from error
        if not lines:
            raise TrainingError(f"{beside.name} is empty: write a caption into it, or remove it.")
        if max(map(len, lines)) > LONGEST_CAPTION:
            raise TrainingError(f"{beside.name} has a caption of more than {LONGEST_CAPTION} characters.")
        return lines
    words = re.sub(r"[\W_]+", " ", file.stem).strip()
    if not re.search(r"[^\W\d_]", words):
        raise TrainingError(f"{file.name} has no caption: write one into {beside.name}, or name the file by its words.")
    return [words]
