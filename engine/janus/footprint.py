"""What a Janus will take in memory, and how its texts and its pictures share what it gets."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from engine.architectures import UnsupportedModel
from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.janus.folder import read_janus
from engine.janus.loader import cache_shape, config_of
from engine.loaded import LoadFailed
from engine.room import Footprint
from engine.store.errors import StoreError
from engine.store.safetensors import tensor_shapes
from engine.text.budget import cache_limits

ACTIVATIONS = 6
"""Full-size layers of the decoder's widest kind that are in memory at once."""


@dataclass(frozen=True, slots=True)
class Needs:
    """In bytes."""

    weights: int
    least_text: int
    """Keys and values of one conversation."""
    full_text: int
    picture: int
    """Keys and values of one picture."""
    decoding: int
    """To make pixels of its tokens, one picture at a time."""
    pictures: int
    """How many are drawn at once, where there is room."""

    @property
    def footprint(self) -> Footprint:
        return Footprint(
            self.weights,
            self.least_text + self.picture + self.decoding,
            self.full_text + self.pictures * self.picture + self.decoding,
            purpose="for one conversation and one picture",
        )

    def shared(self, room: int) -> tuple[int, int]:
        """Bytes for texts, and how many pictures can be drawn at once: of what is left beside one of each, half."""
        left = room - self.footprint.least_cache
        at_once = min(self.pictures, 1 + max(0, left) // 2 // self.picture)
        return room - self.decoding - at_once * self.picture, at_once


def needs_of(folder: Path, config: EngineConfig, budget: int) -> Needs:
    """As `engine.text.footprint.footprint_of`. Raises LoadFailed, and TooSmall."""
    try:
        read = read_janus(folder)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        known = config_of(read)
        weights = sum(
            prod(shape) * dtype.itemsize
            for file in sorted(folder.glob("*.safetensors"))
            for _, shape in tensor_shapes(file).values()
        )
    except UnsupportedModel as error:
        raise LoadFailed(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StoreError) as error:
        raise LoadFailed(f"The model's files can't be read: {error}") from error
    shape, facts = cache_shape(known, dtype, device), read.facts
    least, full = cache_limits(shape, config, min(read.context_length, config.max_context), budget)
    decoding = ACTIVATIONS * known.vq_config.base_channels * facts.width * facts.height * dtype.itemsize
    picture = 2 * (facts.prompt_tokens + facts.steps) * shape.bytes_per_token
    return Needs(weights, least, full, picture, decoding, config.max_pictures)
