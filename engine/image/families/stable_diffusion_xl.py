"""Stable Diffusion XL: two text encoders, and a U-Net that is told sizes."""

from __future__ import annotations

import torch

from engine.image.families.base import Condition, Diffusing


class StableDiffusionXL(Diffusing):
    def encode(self, prompt: str, *, empty: bool) -> Condition:
        states, _, pooled, _ = self.pipeline.encode_prompt(
            prompt, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        if empty and self.pipeline.config.force_zeros_for_empty_prompt:
            states, pooled = torch.zeros_like(states), torch.zeros_like(pooled)
        return {"encoder_hidden_states": states, "text_embeds": pooled}

    def finished(self, condition: Condition, width: int, height: int, guidance: float) -> Condition:
        """Original size, where it was cropped, size to make."""
        sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype, device=self.device)
        return {**super().finished(condition, width, height, guidance), "time_ids": sizes}

    def run(self, latents: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        added = {name: told[name] for name in ("text_embeds", "time_ids")}
        made: torch.Tensor = self.network(
            latents, timesteps, told["encoder_hidden_states"], timestep_cond=told.get("timestep_cond"),
            added_cond_kwargs=added, return_dict=False,
        )[0]  # fmt: skip
        return made

    def _from_latents(self, latents: torch.Tensor) -> torch.Tensor:
        config = self.vae.config
        mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is None or std is None:
            return super()._from_latents(latents)
        shape = (1, len(mean), 1, 1)
        spread, middle = latents.new_tensor(std).view(shape), latents.new_tensor(mean).view(shape)
        return latents * spread / self._factor + middle
