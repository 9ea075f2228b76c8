"""What a model will take in memory, known before it is loaded: from config.json and the headers of its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch

from engine.architectures import UnsupportedModel, check_config, context_length, is_own
from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.loaded import LoadFailed
from engine.room import Footprint
from engine.store.checks import read_json
from engine.store.errors import StoreError
from engine.store.safetensors import tensor_shapes
from engine.text.budget import cache_limits
from engine.text.families import Family, family_of
from engine.text.linears import LAID_OUT, are_laid_out
from engine.text.loader import IGNORED_TENSORS

OUTPUT, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def footprint_of(folder: Path, config: EngineConfig, budget: int) -> Footprint:
    """budget: bytes for all models. Raises LoadFailed, and TooSmall where `cache_mb` doesn't hold one sequence."""
    try:
        settings = read_json(folder / "config.json")
        architecture, device = check_config(settings), pick_device(config)
        family = family_of(architecture)
        dtype = pick_dtype(config, device)
        sizes = dict(_sizes(folder, family, dtype))
        shape = family.cache_shape(settings, dtype, device)
        context = min(context_length(settings), config.max_context)
    except UnsupportedModel as error:
        raise LoadFailed(str(error)) from error
    except KeyError as error:
        raise LoadFailed(f"config.json doesn't say what {error} is.") from error
    except (OSError, ValueError, StoreError) as error:
        raise LoadFailed(f"The model's files can't be read: {error}") from error
    least, full = cache_limits(shape, config, context, budget)
    return Footprint(_weights(sizes, settings, packs=is_own(architecture) and are_laid_out(dtype, device)), least, full)


def held_by(module: torch.nn.Module) -> int:
    """Bytes of weights that a loaded model takes, however its layers keep them."""
    own = {one.data_ptr(): one.nbytes for one in (*module.parameters(), *module.buffers())}
    layers = [one for one in module.modules() if isinstance(one, LAID_OUT)]
    return sum(own.values()) + sum(layer.nbytes for layer in layers)


def _sizes(folder: Path, family: Family, dtype: torch.dtype) -> Iterator[tuple[str, int]]:
    """Bytes of each stored tensor once it is loaded."""
    for file in sorted(folder.glob("*.safetensors")):
        for name, (_, shape) in tensor_shapes(file).items():
            if not name.endswith(IGNORED_TENSORS):
                kept = torch.float32 if name.endswith(family.full_precision) else dtype
                yield name, family.numbers(name, prod(shape)) * kept.itemsize


def _weights(sizes: Mapping[str, int], settings: Mapping[str, Any], *, packs: bool) -> int:
    """An output layer that is tied to the embedding takes memory of its own only where it is laid out anew."""
    total = sum(size for name, size in sizes.items() if name != OUTPUT)
    tied = OUTPUT not in sizes or bool(settings.get("tie_word_embeddings"))
    if tied:
        return total + (sizes.get(EMBEDDING, 0) if packs else 0)
    return total + sizes[OUTPUT]
