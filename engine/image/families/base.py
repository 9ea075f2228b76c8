"""What the denoising loop asks of a pipeline. Latents are (rows, channels, height, width), float32, on the device.

Schedulers compute in float32 whatever the weights are kept in, so that a picture depends on the number format only
through the network itself; noise is drawn on the CPU, so that a seed means the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

Condition = dict[str, torch.Tensor]
"""What one row of the network is told beside its latents and its timestep; every tensor has one row, and lies on the
device."""


class Family:
    """A slice of the engine for one family of pipelines. pipeline: the diffusers object, for its parts."""

    network_name = "unet"
    repeated_blocks: tuple[str, ...] = ("BasicTransformerBlock",)
    """Classes of the network's parts that most of its time goes into, and that it has many of."""

    def __init__(self, pipeline: Any, device: torch.device, dtype: torch.dtype) -> None:
        self.pipeline, self.device, self.dtype = pipeline, device, dtype
        self.network = getattr(pipeline, self.network_name)
        self.vae = pipeline.vae
        self.scale: int = 2 ** (len(self.vae.config.block_out_channels) - 1)
        """Pixels of the width that one latent stands for."""

    @property
    def channels(self) -> int:
        """Of the latents."""
        return int(self.vae.config.latent_channels)

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Of a picture of so many pixels."""
        return (1, self.channels, height // self.scale, width // self.scale)

    # --- before the first step ------------------------------------------------------------------------------------

    def encode(self, prompt: str, *, empty: bool) -> Condition:
        """empty: it stands for no prompt at all, which some models were trained to take as zeros."""
        raise NotImplementedError

    def finished(self, condition: Condition, width: int, height: int, guidance: float) -> Condition:
        """With what else the network is told of a picture of this size."""
        return condition

    def set_timesteps(self, scheduler: Any, steps: int, width: int, height: int) -> None:
        """On the CPU: schedulers look at single timesteps, and each look at one on an accelerator would wait for all
        that it is computing."""
        scheduler.set_timesteps(steps, device="cpu")

    def encode_picture(self, pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """pixels: (1, 3, height, width), -1 … 1."""
        found = self.vae.encode(pixels.to(self.device, self.vae.dtype)).latent_dist
        # Sampled like `found.sample`, but from noise that is float32 whatever the weights are.
        noise = torch.randn(found.mean.shape, generator=generator).to(self.device)
        return self._to_latents(found.mean.float() + found.std.float() * noise)

    def noised(self, scheduler: Any, clean: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """timestep: (1,)."""
        made: torch.Tensor = scheduler.add_noise(clean, noise, timestep)
        return made

    # --- each step ------------------------------------------------------------------------------------------------

    def predict(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Sequence[Condition]) -> torch.Tensor:
        """One row of noise (or velocity) for each of latents, timesteps and conditions; float32. timesteps: on the
        CPU, unlike the others."""
        told = {name: torch.cat([condition[name] for condition in conditions]) for name in conditions[0]}
        return self.run(latents.to(self.dtype), timesteps.to(self.device, non_blocking=True), told).float()

    def run(self, latents: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        raise NotImplementedError

    # --- after the last one ---------------------------------------------------------------------------------------

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(1, 3, height, width), -1 … 1, float32."""
        made: torch.Tensor = self.vae.decode(self._from_latents(latents).to(self.vae.dtype), return_dict=False)[0]
        return made.float()

    @property
    def _factor(self) -> float:
        return float(self.vae.config.scaling_factor)

    def _to_latents(self, encoded: torch.Tensor) -> torch.Tensor:
        return encoded * self._factor

    def _from_latents(self, latents: torch.Tensor) -> torch.Tensor:
        return latents / self._factor


class Diffusing(Family):
    """Those with a U-Net, which in a consistency model takes guidance as an input."""

    @property
    def _guidance_width(self) -> int | None:
        width: int | None = self.network.config.get("time_cond_proj_dim")
        return width

    def finished(self, condition: Condition, width: int, height: int, guidance: float) -> Condition:
        if self._guidance_width is None:
            return condition
        # Counted as their authors do: there, no guidance is 0.
        told = self.pipeline.get_guidance_scale_embedding(torch.tensor([guidance - 1]), self._guidance_width)
        return {**condition, "timestep_cond": told.to(self.device, self.dtype)}


class Shifted(Family):
    """Those whose latents are also moved, and that were trained on straight paths between noise and picture."""

    network_name = "transformer"
    longest_shift = 1.15
    """The scheduler's `max_shift` where its config doesn't say."""

    def noised(self, scheduler: Any, clean: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = scheduler.scale_noise(clean, timestep, noise)
        return made

    def shift_of(self, scheduler: Any, patches: int) -> float:
        """How far timesteps move towards noise for a picture of so many patches (diffusers' `calculate_shift`)."""
        config = scheduler.config
        small, large = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
        low, high = config.get("base_shift", 0.5), config.get("max_shift", self.longest_shift)
        slope = (high - low) / (large - small)
        return float(patches * slope + low - slope * small)

    @property
    def _shift(self) -> float:
        return float(self.vae.config.shift_factor)

    def _to_latents(self, encoded: torch.Tensor) -> torch.Tensor:
        return (encoded - self._shift) * self._factor

    def _from_latents(self, latents: torch.Tensor) -> torch.Tensor:
        return latents / self._factor + self._shift
