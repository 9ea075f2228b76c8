"""Loads a pipeline for the engine's own loop: its parts, and the family that knows what to do with them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.image.families import FAMILIES, Family
from engine.image.parts import failures_told, read_parts
from engine.image.preview import Previewer
from engine.pipelines import PipelineFolder, read_pipeline
from engine.types import ImageFacts


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """A pipeline ready to run."""

    family: Family
    facts: ImageFacts
    previewer: Previewer
    dtype: torch.dtype
    device: torch.device


def load_pipeline(folder: Path, config: EngineConfig) -> Generator[None, None, LoadedPipeline]:
    """Yields while it reads. Raises LoadFailed."""
    with failures_told():
        read = read_pipeline(folder)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        parts = yield from read_parts(folder, read, dtype, device)
        family = _family(read, parts, device, dtype)
        yield
        previewer = Previewer(family.encode_picture, family.scale)
        return LoadedPipeline(family, read.facts, previewer, dtype, device)


def _family(read: PipelineFolder, parts: dict[str, Any], device: torch.device, dtype: torch.dtype) -> Family:
    missing = dict.fromkeys(read.kind.optional - set(parts))
    more = {"safety_checker": None, "feature_extractor": None} if read.kind.family == "stable-diffusion" else {}
    pipeline = getattr(diffusers, read.kind.pipeline)(**parts, **missing, **more)
    return FAMILIES[read.kind.family](pipeline, device, dtype)
