"""The autoencoder: 64 × 64 pixels to 16 × 16 × 4 latents and back."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch.nn import functional

from engine.training.pictures import Pictures
from engine.training.recipe import Recipe

LATENT_CHANNELS = 4
DIVERGENCE_WEIGHT = 1e-6  # as Stable Diffusion: latents stay finite, nearly nothing is lost
EDGE_WEIGHT = 1.0
HUE_WEIGHT = 4.0  # eyes mind a wrong hue, the mean over pixels hardly does: most of them are white
HUE_OVER = 4  # pixels on a side
CROP = 48  # pixels: what is learnt is local, so parts of pictures teach as much for less


def build_autoencoder(recipe: Recipe) -> AutoencoderKL:
    depth = len(recipe.autoencoder_channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        block_out_channels=recipe.autoencoder_channels,
        latent_channels=LATENT_CHANNELS,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=recipe.size,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def crops(pictures: Pictures, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A random part of each picture, mirrored or not: [rows, 3, CROP, CROP]."""
    size = pictures.pixels.shape[-1]
    side = min(CROP, size)
    device = pictures.pixels.device
    offsets = torch.randint(0, size - side + 1, (2, len(rows), 1), generator=generator, device=device)
    mirrored = torch.rand(len(rows), 1, generator=generator, device=device) < 0.5
    along = torch.arange(side, device=device)
    y, x = offsets[0] + along, offsets[1] + torch.where(mirrored, along.flip(0), along)
    parts = pictures.pixels[rows[:, None, None], :, y[:, :, None], x[:, None, :]]  # [rows, CROP, CROP, 3]
    return parts.permute(0, 3, 1, 2).float() / 127.5 - 1


def autoencoder_loss(model: AutoencoderKL, pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """How far the picture that comes back is from the one that went in: in brightness, edges and hues."""
    latents = model.encode(pixels).latent_dist
    drawn = model.decode(latents.sample(generator)).sample
    wrong = drawn - pixels
    level = wrong.abs().mean() + wrong.square().mean()
    hues = functional.avg_pool2d(wrong - wrong.mean(dim=1, keepdim=True), HUE_OVER).abs().mean()
    edges = sum(wrong.diff(dim=side).abs().mean() for side in (-1, -2))
    total: torch.Tensor = level + EDGE_WEIGHT * edges + HUE_WEIGHT * hues + DIVERGENCE_WEIGHT * latents.kl().mean()
    return total


@torch.no_grad()
def standardise(model: AutoencoderKL, pixels: torch.Tensor) -> None:
    """Every latent channel to mean 0 and deviation 1, exactly, inside the 1 × 1 convolutions at both of its ends."""
    latents = torch.cat([model.encode(part).latent_dist.mean for part in torch.split(pixels, 32)])
    mean, deviation = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    before, after = model.quant_conv, model.post_quant_conv
    before.weight[:LATENT_CHANNELS] /= deviation[:, None, None, None]
    before.bias[:LATENT_CHANNELS] = (before.bias[:LATENT_CHANNELS] - mean) / deviation
    before.bias[LATENT_CHANNELS:] -= 2 * deviation.log()
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= deviation[None, :, None, None]


@torch.no_grad()
def encode_moved(model: AutoencoderKL, pictures: Pictures, moves: int, seed: int) -> torch.Tensor:
    """Latents of every picture, as it is and moved: [1 + moves, pictures, 4, 16, 16]."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(len(pictures))
    versions = []
    for move in range(1 + moves):
        y, x = torch.randint(-2, 3, (2,), generator=generator).tolist() if move else (0, 0)
        pixels = _moved(pictures.scaled(rows), y, x)
        versions.append(torch.cat([model.encode(part).latent_dist.mean for part in torch.split(pixels, 32)]))
    return torch.stack(versions)


def _moved(pixels: torch.Tensor, y: int, x: int) -> torch.Tensor:
    around = functional.pad(pixels, (2, 2, 2, 2), mode="replicate")
    size = pixels.shape[-1]
    return around[..., 2 + y : 2 + y + size, 2 + x : 2 + x + size]
