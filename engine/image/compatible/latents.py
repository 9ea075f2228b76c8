"""Latents of pipelines that are called as a whole, for previews: as their network sees them, a square each."""

from __future__ import annotations

from typing import Any

import torch

from engine.image.families.flux import unpacked


def latents_of(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(1, channels, height, width). pixels: (1, 3, height, width), -1 … 1."""
    pixels = pixels.to(vae.device, vae.dtype)
    made = vae.encode(pixels[:, :, None] if draws_films(vae) else pixels)
    latents: torch.Tensor = made.latent_dist.mode() if hasattr(made, "latent_dist") else made.latent
    if draws_films(vae):
        mean, spread = (latents.new_tensor(vae.config[name]) for name in ("latents_mean", "latents_std"))
        return (latents[:, :, 0] - mean[:, None, None]) / spread[:, None, None]
    if hasattr(vae, "bn"):  # Flux 2 normalises its squares of four: see `unfolded`
        return latents
    return (latents - float(vae.config.get("shift_factor") or 0.0)) * float(vae.config.scaling_factor)


def unfolded(vae: Any, latents: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Like those of `latents_of`. latents: as the scheduler has them. width, height: in latents."""
    if latents.ndim == 4:
        return latents
    if hasattr(vae, "bn"):
        bn = vae.bn
        latents = latents * (bn.running_var + vae.config.batch_norm_eps).sqrt() + bn.running_mean
    return unpacked(latents, 1, latents.shape[-1] // 4, height, width)


def draws_films(vae: Any) -> bool:
    """Whether a picture is a film of one frame to it."""
    return "temperal_downsample" in vae.config
