"""Small pictures of how it looks by now, without decoding: colours are nearly linear in the latents.

The projection is fitted to each VAE when it is loaded, by least squares over coloured patches that it encodes itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from PIL import Image

from engine.image.pixels import to_preview

SIDE = 16
"""Latents a side of what is encoded to fit the projection."""
PICTURES = 4
Encode = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""Pixels (1, 3, height, width), -1 … 1, as latents."""


class Previewer:
    def __init__(self, encode: Encode, scale: int) -> None:
        """scale: pixels of the width that one latent stands for."""
        self._scale = scale
        self._projection = self._fitted(encode)

    def __call__(self, latents: torch.Tensor) -> Callable[[], bytes]:
        """Writes a WebP, in any thread. latents: (1, channels, height, width)."""
        height, width = (side * self._scale for side in latents.shape[-2:])
        colours = (_with_one(latents.float().cpu()) @ self._projection).nan_to_num(0.5).clamp(0, 1)
        levels = (colours * 255).round().to(torch.uint8).view(*latents.shape[-2:], 3)
        return partial(to_preview, Image.fromarray(levels.numpy()), (width, height))

    def _fitted(self, encode: Encode) -> torch.Tensor:
        """(channels + 1, 3): from latents and a constant 1 to red, green and blue, 0 … 1."""
        generator = torch.Generator().manual_seed(0)
        side = SIDE * self._scale
        patches = torch.rand(PICTURES, 3, SIDE // 4, SIDE // 4, generator=generator)
        colours = torch.nn.functional.interpolate(patches, size=(SIDE, SIDE), mode="bilinear")
        pictures = torch.nn.functional.interpolate(colours, size=(side, side), mode="nearest")
        latents = [encode(one[None] * 2 - 1, generator) for one in pictures]
        known = _with_one(torch.cat(latents).float().cpu())
        fitted: torch.Tensor = torch.linalg.lstsq(known, colours.permute(0, 2, 3, 1).reshape(-1, 3)).solution
        return fitted


def _with_one(latents: torch.Tensor) -> torch.Tensor:
    """(pixels, channels + 1)"""
    flat = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    return torch.cat([flat, torch.ones(len(flat), 1)], dim=1)
