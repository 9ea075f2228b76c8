"""Stable Diffusion 1 and 2: one text encoder, a U-Net."""

from __future__ import annotations

import torch

from engine.image.families.base import Condition, Diffusing


class StableDiffusion(Diffusing):
    def encode(self, prompt: str, *, empty: bool) -> Condition:
        states, _ = self.pipeline.encode_prompt(prompt, self.device, 1, False)
        return {"encoder_hidden_states": states}

    def run(self, latents: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        made: torch.Tensor = self.network(latents, timesteps, return_dict=False, **told)[0]
        return made
