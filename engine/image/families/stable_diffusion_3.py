"""Stable Diffusion 3: up to three text encoders, a transformer, straight paths."""

from __future__ import annotations

from typing import Any

import torch

from engine.image.families.base import Condition, Shifted


class StableDiffusion3(Shifted):
    longest_shift = 1.16
    repeated_blocks = ("JointTransformerBlock",)

    def encode(self, prompt: str, *, empty: bool) -> Condition:
        states, _, pooled, _ = self.pipeline.encode_prompt(
            prompt, prompt, prompt, device=self.device, do_classifier_free_guidance=False
        )
        return {"encoder_hidden_states": states, "pooled_projections": pooled}

    def set_timesteps(self, scheduler: Any, steps: int, width: int, height: int) -> None:
        if not scheduler.config.get("use_dynamic_shifting"):
            scheduler.set_timesteps(steps, device="cpu")
            return
        patch = self.network.config.patch_size
        patches = (height // self.scale // patch) * (width // self.scale // patch)
        scheduler.set_timesteps(steps, device="cpu", mu=self.shift_of(scheduler, patches))

    def run(self, latents: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        made: torch.Tensor = self.network(hidden_states=latents, timestep=timesteps, return_dict=False, **told)[0]
        return made
