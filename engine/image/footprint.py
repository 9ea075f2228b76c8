"""What a pipeline will take in memory, known before it is loaded: from its configs and the headers of its weights."""

from __future__ import annotations

from math import prod
from pathlib import Path

from engine.architectures import UnsupportedModel
from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.loaded import LoadFailed
from engine.pipelines import config_of, decoder_widths, is_variant, read_pipeline
from engine.room import Footprint
from engine.store.checks import read_json
from engine.store.errors import StoreError
from engine.store.safetensors import tensor_shapes

ACTIVATIONS = 6
"""Layers as wide and as large as the decoder's last ones that may be in memory at once: a guess on the safe side."""
ROW_SHARE = 0.15
"""Of that, what a row of the denoising network takes beside it: also a guess."""


def footprint_of(folder: Path, config: EngineConfig, budget: int) -> Footprint:
    """As `engine.text.footprint.footprint_of`. Raises LoadFailed."""
    try:
        read = read_pipeline(folder)
        size = pick_dtype(config, pick_device(config)).itemsize
        files = [
            file for part in read.parts for file in (folder / part).glob("*.safetensors") if not is_variant(file.name)
        ]
        weights = sum(prod(shape) for file in files for _, shape in tensor_shapes(file).values()) * size
        width = max(decoder_widths(read_json(folder / config_of("vae")))[:2])
    except UnsupportedModel as error:
        raise LoadFailed(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
        raise LoadFailed(f"The model's files can't be read: {error}") from error
    one = ACTIVATIONS * width * read.facts.width * read.facts.height * size
    row = int(one * ROW_SHARE)
    at_once = 1 if read.kind.whole else config.max_pictures
    return Footprint(
        weights, one + 2 * row, one + 2 * at_once * row,
        purpose="to draw one picture", remedy="Raise ENGINE_MEMORY_MB, or use a smaller model.",
    )  # fmt: skip
