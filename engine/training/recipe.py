"""What is trained, how large and how long: one frozen value, kept beside the training so that it goes on unchanged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.training.errors import TrainingError

FILE = "recipe.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes are for two slow cores: about 11.5 M parameters in all, 23 MB as float16."""

    size: int = 64  # pixels on a side
    autoencoder_channels: tuple[int, ...] = (16, 32, 64)
    unet_channels: tuple[int, ...] = (64, 96, 192)
    text_width: int = 160
    text_layers: int = 2
    words: int = 16  # tokens in a prompt, its two ends included
    vocabulary: int = 4096  # at most
    autoencoder_steps: int = 1500
    autoencoder_batch: int = 8
    autoencoder_rate: float = 2e-3
    passes: int = 150  # over all pictures
    batch: int = 32
    rate: float = 6e-4
    without_words: float = 0.1  # share of captions left empty, for classifier-free guidance
    shifted: int = 3  # moved copies of each picture, by up to two pixels
    seed: int = 0

    def check(self) -> None:
        """Raises TrainingError for numbers that make no model."""
        if not 32 <= self.size <= 256 or self.size % 16:
            raise TrainingError(f"--size {self.size}: pictures are 32 to 256 pixels on a side, a multiple of 16.")
        if not 1 <= self.batch <= 1024:
            raise TrainingError(f"--batch {self.batch}: a step takes 1 to 1024 pictures.")
        if self.passes < 1 or self.autoencoder_steps < 1:
            raise TrainingError("--passes and --autoencoder-steps are 1 or more.")
        if not 0 < self.rate <= 0.1:
            raise TrainingError(f"--rate {self.rate}: a learning rate is above 0 and at most 0.1.")

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Recipe:
        """Raises TrainingError."""
        try:
            values = json.loads((folder / FILE).read_text())
        except (OSError, ValueError) as error:
            raise TrainingError(f"There is no training to go on with in {folder}.") from error
        known = {field.name for field in fields(cls)}
        lists_to_tuples: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known
        }
        return cls(**lists_to_tuples)
