"""What is trained, how large and how long: one frozen value, kept beside the training so that it goes on unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine.training.errors import TrainingError

FILE = "recipe.json"
LONGEST = 44_640  # minutes
LARGEST_SEED = 2**32 - 1
AUTOENCODER_SHARE = 0.2  # of the minutes
FIXED = {
    "size": "its model is made for that",
    "batch": "its steps are counted in such batches",
    "seed": "all its chance comes from there",
}
"""Why these stay as they were when a training goes on."""
FIXED_LATER = ("autoencoder_steps", "autoencoder_rate")
"""These stay from the second stage on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes are for two slow cores: about 11.5 M parameters in all, 23 MB as float16.

    `minutes`: where they are not 0, both stages together go on for so long, however many steps that makes."""

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
    autoencoder_minutes: float = 0  # instead of its steps
    passes: int = 150  # over all pictures
    minutes: float = 0  # of both stages, instead of passes
    batch: int = 32
    rate: float = 6e-4
    without_words: float = 0.1  # share of captions left empty, for classifier-free guidance
    shifted: int = 3  # moved copies of each picture, by up to two pixels
    seed: int = 0
    faults: int = 0  # how often a loss was no number

    @property
    def chance(self) -> int:
        """What the steps' chance comes from: another after a fault, or the very same pictures and noise came."""
        return self.seed + (LARGEST_SEED + 1) * self.faults

    def check(self) -> None:
        """Raises TrainingError for numbers that make no model."""
        if not 32 <= self.size <= 256 or self.size % 16:
            raise TrainingError(f"--size {self.size}: pictures are 32 to 256 pixels on a side, a multiple of 16.")
        if not 1 <= self.batch <= 1024:
            raise TrainingError(f"--batch {self.batch}: a step takes 1 to 1024 pictures.")
        if self.passes < 1 or self.autoencoder_steps < 1:
            raise TrainingError("--passes and --autoencoder-steps are 1 or more.")
        if not 0 <= self.minutes <= LONGEST:
            raise TrainingError(f"--minutes {self.minutes:g}: from 0, which is no limit, to {LONGEST}, a month.")
        if self.minutes and self.autoencoder_minutes >= self.minutes:
            raise TrainingError(f"--minutes {self.minutes:g}: the autoencoder alone took {self.autoencoder_minutes:g}.")
        for name in ("rate", "autoencoder_rate"):
            if not 0 < getattr(self, name) <= 0.1:
                raise TrainingError(f"{_said(name, getattr(self, name))}: a learning rate is above 0 and at most 0.1.")
        if abs(self.seed) > LARGEST_SEED:
            raise TrainingError(f"--seed {self.seed}: a seed is at most {LARGEST_SEED}.")

    def beginning(self, asked: Mapping[str, float]) -> Recipe:
        """The same but for what a person asked for, at the beginning of a training."""
        share = {"autoencoder_minutes": AUTOENCODER_SHARE * asked["minutes"]} if "minutes" in asked else {}
        return replace(self, **{**asked, **share})  # type: ignore[arg-type]

    def going_on(self, asked: Mapping[str, float], *, second_stage: bool) -> Recipe:
        """The same but for what may change in a training that is under way; the autoencoder's minutes stay.

        Raises TrainingError for what can't change any more, or has no say."""
        fixed = dict(FIXED)
        if second_stage:
            fixed |= dict.fromkeys(FIXED_LATER, "the second stage learns from what it made")
        changed = {name: value for name, value in asked.items() if value != getattr(self, name)}
        for name in [name for name in changed if name in fixed]:
            raise TrainingError(
                f"{_said(name, changed[name])}: this training began with {getattr(self, name)}, and {fixed[name]}. "
                f"Leave {_option(name)} out, or begin another with another --out."
            )
        recipe = replace(self, **changed)  # type: ignore[arg-type]
        if recipe.minutes and "passes" in changed:
            raise TrainingError("This training goes by the clock: --passes has no say. Give --minutes instead.")
        return recipe

    def refuse(self, asked: Mapping[str, float], why: str) -> None:
        """Raises TrainingError where a person asked for other numbers."""
        for name, value in asked.items():
            if value != getattr(self, name):
                raise TrainingError(f"{_said(name, value)}: {why}. Leave {_option(name)} out.")

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


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _said(name: str, value: float) -> str:
    return f"{_option(name)} {value}"


ON_A_CARD = Recipe(
    autoencoder_steps=5000, autoencoder_batch=64, passes=2000, batch=256, rate=1e-3, shifted=15,
)  # fmt: skip
"""The same model, for a machine with a graphics card: larger steps, and more of them."""
