"""Flux: a CLIP and a T5 encoder, a transformer over packed latents that takes guidance as an input."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.image.families.base import Condition, Shifted

PACKED = 2
"""The network sees squares of so many latents a side as one token."""


class Flux(Shifted):
    repeated_blocks = ("FluxTransformerBlock", "FluxSingleTransformerBlock")

    def encode(self, prompt: str, *, empty: bool) -> Condition:
        states, pooled, _ = self.pipeline.encode_prompt(prompt, None, device=self.device)
        return {"encoder_hidden_states": states, "pooled_projections": pooled}

    def finished(self, condition: Condition, width: int, height: int, guidance: float) -> Condition:
        if not self.network.config.guidance_embeds:
            return condition
        return {**condition, "guidance": torch.tensor([guidance], dtype=torch.float32, device=self.device)}

    def set_timesteps(self, scheduler: Any, steps: int, width: int, height: int) -> None:
        side = self.scale * PACKED
        sigmas = None if scheduler.config.get("use_flow_sigmas") else np.linspace(1.0, 1 / steps, steps)
        told = {"num_inference_steps": steps} if sigmas is None else {"sigmas": sigmas}
        scheduler.set_timesteps(device="cpu", mu=self.shift_of(scheduler, (height // side) * (width // side)), **told)

    def run(self, latents: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        rows, channels, height, width = latents.shape
        states = told["encoder_hidden_states"]
        made = self.network(
            hidden_states=_packed(latents),
            timestep=timesteps / 1000,
            guidance=told.get("guidance"),
            pooled_projections=told["pooled_projections"],
            encoder_hidden_states=states,
            txt_ids=torch.zeros(states.shape[1], 3, device=self.device, dtype=self.dtype),
            img_ids=self._places(height // PACKED, width // PACKED),
            return_dict=False,
        )[0]
        return unpacked(made, rows, channels, height, width)

    def _places(self, height: int, width: int) -> torch.Tensor:
        """Row and column of each token."""
        places = torch.zeros(height, width, 3, device=self.device)
        places[..., 1] = torch.arange(height, device=self.device)[:, None]
        places[..., 2] = torch.arange(width, device=self.device)[None, :]
        return places.reshape(height * width, 3).to(self.dtype)


def _packed(latents: torch.Tensor) -> torch.Tensor:
    rows, channels, height, width = latents.shape
    squares = latents.view(rows, channels, height // PACKED, PACKED, width // PACKED, PACKED)
    return squares.permute(0, 2, 4, 1, 3, 5).reshape(rows, -1, channels * PACKED**2)


def unpacked(tokens: torch.Tensor, rows: int, channels: int, height: int, width: int) -> torch.Tensor:
    """(rows, channels, height, width)"""
    squares = tokens.view(rows, height // PACKED, width // PACKED, channels, PACKED, PACKED)
    return squares.permute(0, 3, 1, 4, 2, 5).reshape(rows, channels, height, width)
