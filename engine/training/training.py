"""The two stages: the autoencoder first, then, on its latents, words, text encoder and UNet together."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from engine.training.autoencoder import autoencoder_loss, build_autoencoder, crops, encode_moved
from engine.training.captions import Captions
from engine.training.diffusion import (
    Painter,
    build_scheduler,
    build_text_encoder,
    build_unet,
    diffusion_loss,
)
from engine.training.drawing import draw_pictures
from engine.training.grid import save_grid
from engine.training.length import Length
from engine.training.pictures import Pictures
from engine.training.recipe import Recipe
from engine.training.stage import Stage

FIRST, SECOND = "autoencoder", "diffusion"
COLUMNS = 12
SHOWN = 2 * COLUMNS  # pictures in a grid of samples
DRAWING_STEPS, DRAWING_GUIDANCE = 12, 3.0


def autoencoder_stage(pictures: Pictures, recipe: Recipe) -> Stage[AutoencoderKL]:
    """On the device that the pictures are on."""
    torch.manual_seed(recipe.seed)
    device = pictures.pixels.device
    model = build_autoencoder(recipe).to(device, memory_format=torch.channels_last)

    def loss(model: AutoencoderKL, generator: torch.Generator) -> torch.Tensor:
        rows = torch.randint(0, len(pictures), (recipe.autoencoder_batch,), generator=generator, device=device)
        pixels = crops(pictures, rows, generator).contiguous(memory_format=torch.channels_last)
        return autoencoder_loss(model, pixels, generator)

    @torch.no_grad()
    def draw(model: AutoencoderKL, file: Path) -> None:
        """Rows of pictures as they are, and below each as they come back."""
        pixels = pictures.scaled(torch.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).long())
        back = model.decode(model.encode(pixels).latent_dist.mean).sample
        rows = zip(torch.split(pixels, COLUMNS), torch.split(back, COLUMNS), strict=True)
        save_grid(torch.cat([part for pair in rows for part in pair]), file, COLUMNS)

    length = Length(recipe.autoencoder_steps, 60 * recipe.autoencoder_minutes)
    rate, batch = recipe.autoencoder_rate, recipe.autoencoder_batch
    return Stage(FIRST, model, length, rate, recipe.chance, loss, draw, batch)


def diffusion_stage(
    pictures: Pictures, recipe: Recipe, autoencoder: AutoencoderKL, tokenizer: CLIPTokenizer, shown: list[str]
) -> Stage[Painter]:
    """`autoencoder`: learnt and standardised; `shown`: prompts for the grids, the captions' own if there are none."""
    torch.manual_seed(recipe.seed + 1)
    device = pictures.pixels.device
    unet = build_unet(recipe).to(memory_format=torch.channels_last)
    painter = Painter(build_text_encoder(recipe, tokenizer), unet).to(device)
    scheduler, versions = build_scheduler(), encode_moved(autoencoder, pictures, recipe.shifted, recipe.seed)
    captions = Captions(tokenizer, pictures.captions, device)
    prompts = shown or _some([captions[0] for captions in pictures.captions])

    def loss(model: Painter, generator: torch.Generator) -> torch.Tensor:
        rows = _rows(len(pictures), recipe.batch, generator)
        latents = versions[torch.randint(0, len(versions), rows.shape, generator=generator, device=device), rows]
        said = captions.choose(rows, generator, without=recipe.without_words)
        return diffusion_loss(model, scheduler, latents, said, generator)

    def draw(model: Painter, file: Path) -> None:
        drawn = draw_pictures(
            model, autoencoder, tokenizer, scheduler, prompts, steps=DRAWING_STEPS, guidance=DRAWING_GUIDANCE, seed=1
        )
        save_grid(drawn, file, COLUMNS)

    steps = max(recipe.passes * len(pictures) // recipe.batch, 1)
    length = Length(steps, 60 * (recipe.minutes - recipe.autoencoder_minutes) if recipe.minutes else 0)
    return Stage(SECOND, painter, length, recipe.rate, recipe.chance, loss, draw, recipe.batch)


def _rows(count: int, batch: int, generator: torch.Generator) -> torch.Tensor:
    """Without repeats in a batch, if there are pictures enough."""
    if count >= batch:
        return torch.randperm(count, generator=generator, device=generator.device)[:batch]
    return torch.randint(0, count, (batch,), generator=generator, device=generator.device)


def _some(captions: list[str]) -> list[str]:
    return random.Random(0).sample(captions, min(SHOWN, len(captions)))  # noqa: S311 - which to show is no secret
