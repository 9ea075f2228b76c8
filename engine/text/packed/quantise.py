"""Rounds the weights of a linear layer to 8 or 4 bits and lays them out for packed.c.

8 bits: symmetric, one scale a feature (row of the weight). 4 bits: for each group of 32 inputs of a feature a scale and
a value in its middle, kept in bfloat16, so five bits a weight in all; the same idea as llama.cpp's Q4_1, but that what
is multiplied lies around nought, so that it matters less how the inputs are rounded.
"""

from __future__ import annotations

import torch

from engine.text.packed.layout import FEATURES, Bits, Packed, in_blocks

GROUP = 32
"""Of packed.c: inputs that share a scale."""
MIDDLE = 8
"""Of packed.c: of the whole numbers from 0 to 15 that 4 bits hold."""


def can_quantise(inputs: int, bits: Bits) -> bool:
    """Words and groups must be full."""
    return inputs % (GROUP if bits == 4 else 4) == 0


def quantised(weight: torch.Tensor, bits: Bits) -> Packed:
    """weight `[features, inputs]`, finite; bits: 8 or 4."""
    numbers = in_blocks(weight).flatten(0, 1)
    whole, scales = _eight(numbers) if bits == 8 else _four(numbers)
    features, inputs = weight.shape
    return Packed(bits, features, inputs, _words(whole, bits), scales)


def _eight(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scales = numbers.abs().amax(1).div_(127)
    whole = (numbers / scales.clamp_min(1e-30)[:, None]).round_().to(torch.int32)
    return whole, scales.view(-1, FEATURES)


def _four(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    grouped = numbers.view(len(numbers), -1, GROUP)
    least, most = grouped.aminmax(dim=-1)
    # Rounded first, so that the whole numbers make up for it.
    scales = ((most - least) / 15).to(torch.bfloat16)
    middle = (least + MIDDLE * scales.float()).to(torch.bfloat16)
    whole = (grouped - middle.float()[..., None]) / scales.float().clamp_min(1e-30)[..., None]
    whole = whole.round_().add_(MIDDLE).clamp_(0, 15).to(torch.int32).view(len(numbers), -1)
    both = torch.stack([scales, middle], -1)  # [features, groups, 2]
    return whole, both.view(-1, FEATURES, *both.shape[1:]).permute(0, 2, 3, 1).contiguous()


def _words(whole: torch.Tensor, bits: Bits) -> torch.Tensor:
    """The whole numbers `[features, inputs]` of a word side by side, the first input lowest."""
    a_word = 32 // bits
    parts = (whole & (2**bits - 1)).view(len(whole), -1, a_word)
    words = torch.zeros(parts.shape[:2], dtype=torch.int32)
    for place in range(a_word):
        words |= parts[..., place] << (bits * place)
    return words.view(-1, FEATURES, words.shape[1]).transpose(1, 2).contiguous()
