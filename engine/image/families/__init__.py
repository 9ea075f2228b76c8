"""The families of pipelines, by the names that `engine.pipelines` gives them."""

from __future__ import annotations

from engine.image.families.base import Condition, Family
from engine.image.families.flux import Flux
from engine.image.families.stable_diffusion import StableDiffusion
from engine.image.families.stable_diffusion_3 import StableDiffusion3
from engine.image.families.stable_diffusion_xl import StableDiffusionXL

FAMILIES: dict[str, type[Family]] = {
    "stable-diffusion": StableDiffusion,
    "stable-diffusion-xl": StableDiffusionXL,
    "stable-diffusion-3": StableDiffusion3,
    "flux": Flux,
}

__all__ = ["FAMILIES", "Condition", "Family"]
