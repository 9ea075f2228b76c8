"""Loads a pipeline that is called as a whole."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.image.parts import failures_told, read_parts
from engine.image.preview import Previewer
from engine.pipeline_kinds import PipelineKind
from engine.pipelines import pixels_per_latent, read_pipeline
from engine.types import ImageFacts


@dataclass(frozen=True, slots=True)
class WholePipeline:
    """What pictures are drawn with."""

    kind: PipelineKind
    facts: ImageFacts
    parts: Mapping[str, Any]
    """Shared by all pictures; each gets a scheduler of its own."""
    previewer: Previewer
    dtype: torch.dtype
    device: torch.device

    def pipeline(self, scheduler: Any) -> Any:
        """A new one, so that nothing is left in it by a picture that ended half-way. Making it costs no memory."""
        return getattr(diffusers, self.kind.pipeline)(**{**self.parts, "scheduler": scheduler})


def load_whole(folder: Path, config: EngineConfig) -> Generator[None, None, WholePipeline]:
    """Yields while it reads. Raises LoadFailed."""
    with failures_told():
        read = read_pipeline(folder)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        if dtype == torch.float16:
            dtype = torch.bfloat16  # T5 and Gemma overflow in float16, and so do some of the VAEs
        parts = yield from read_parts(folder, read, dtype, device)
        yield
        previewer = Previewer(
            lambda pixels, _: latents_of(parts["vae"], pixels), pixels_per_latent(parts["vae"].config)
        )
        return WholePipeline(read.kind, read.facts, parts, previewer, dtype, device)


def latents_of(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """As the network sees them. pixels: (1, 3, height, width), -1 … 1."""
    made = vae.encode(pixels.to(vae.device, vae.dtype))
    latents: torch.Tensor = made.latent_dist.mode() if hasattr(made, "latent_dist") else made.latent
    return (latents - float(vae.config.get("shift_factor") or 0.0)) * float(vae.config.scaling_factor)
