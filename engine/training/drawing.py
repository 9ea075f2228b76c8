"""Drawing while it learns: the same as the pipeline does, on the parts that are there."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from transformers import CLIPTokenizer

from engine.training.diffusion import Painter, tokens_of

AT_ONCE = 32  # pictures


@torch.no_grad()
def draw_pictures(
    painter: Painter,
    autoencoder: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    scheduler: DDIMScheduler,
    prompts: list[str],
    *,
    steps: int,
    guidance: float,
    seed: int,
) -> torch.Tensor:
    """One picture a prompt, [prompts, 3, size, size] in -1 … 1."""
    side = painter.unet.config.sample_size
    device = painter.unet.device
    noise = torch.randn((len(prompts), 4, side, side), generator=torch.Generator().manual_seed(seed)).to(device)
    tokens, empty = tokens_of(tokenizer, prompts).to(device), tokens_of(tokenizer, [""]).to(device)
    parts = [
        _draw(painter, scheduler, said, latents, empty, steps, guidance)
        for said, latents in zip(torch.split(tokens, AT_ONCE), torch.split(noise, AT_ONCE), strict=True)
    ]
    return torch.cat([autoencoder.decode(part / autoencoder.config.scaling_factor).sample for part in parts])


def _draw(
    painter: Painter,
    scheduler: DDIMScheduler,
    tokens: torch.Tensor,
    latents: torch.Tensor,
    empty: torch.Tensor,
    steps: int,
    guidance: float,
) -> torch.Tensor:
    both = torch.cat([empty.expand_as(tokens), tokens])
    words = painter.text_encoder(both).last_hidden_state
    scheduler.set_timesteps(steps)
    for time in scheduler.timesteps:
        twice = torch.cat([latents, latents])
        without, with_words = painter.unet(twice, time, encoder_hidden_states=words).sample.chunk(2)
        latents = scheduler.step(without + guidance * (with_words - without), time, latents).prev_sample
    return latents
