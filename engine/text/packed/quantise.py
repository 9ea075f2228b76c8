"""Rounds the weights of a linear layer to 8 or 4 bits and lays them out for packed.c.

8 bits: symmetric, one scale a feature (row of the weight). 4 bits: for each group of 32 inputs of a feature a scale and
a least value, kept in bfloat16, so five bits a weight in all; the same idea as llama.cpp's Q4_1.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Literal

import torch

Bits = Literal[8, 4]
FEATURES, GROUP = 32, 32
"""Of packed.c."""


@dataclass(frozen=True, slots=True)
class Quantised:
    bits: Bits
    features: int
    inputs: int
    words: torch.Tensor
    """int32 `[blocks, inputs / weights a word, FEATURES]`"""
    scales: torch.Tensor
    """8 bits: float32 `[blocks, FEATURES]`; 4 bits: bfloat16 `[blocks, groups, 2, FEATURES]`, scale and least."""

    @property
    def nbytes(self) -> int:
        return self.words.nbytes + self.scales.nbytes

    def split(self, features: Several[int]) -> list[Quantised]:
        """Parts of whole blocks, which keep no numbers of their own."""
        parts, begin = [], 0
        for count in features:
            blocks = slice(begin, begin + -(-count // FEATURES))
            parts.append(Quantised(self.bits, count, self.inputs, self.words[blocks], self.scales[blocks]))
            begin = blocks.stop
        return parts


def can_join(features: Several[int]) -> bool:
    """Whether the blocks of all but the last are whole."""
    return all(count % FEATURES == 0 for count in features[:-1])


def joined(parts: Several[Quantised]) -> Quantised:
    """The features of all, one behind the other. Parts that `can_join`, of the same bits and inputs."""
    words, scales = torch.cat([part.words for part in parts]), torch.cat([part.scales for part in parts])
    return Quantised(parts[0].bits, sum(part.features for part in parts), parts[0].inputs, words, scales)


def can_quantise(inputs: int, bits: Bits) -> bool:
    """Words and groups must be full."""
    return inputs % (GROUP if bits == 4 else 4) == 0


def quantised(weight: torch.Tensor, bits: Bits) -> Quantised:
    """weight `[features, inputs]`, finite."""
    features, inputs = weight.shape
    blocks = -(-features // FEATURES)
    numbers = torch.zeros(blocks * FEATURES, inputs)
    numbers[:features] = weight
    whole, scales = _eight(numbers) if bits == 8 else _four(numbers)
    return Quantised(bits, features, inputs, _words(whole, bits), scales)


def _eight(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scales = numbers.abs().amax(1).div_(127)
    whole = (numbers / scales.clamp_min(1e-30)[:, None]).round_().to(torch.int32)
    return whole, scales.view(-1, FEATURES)


def _four(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    grouped = numbers.view(len(numbers), -1, GROUP)
    least = grouped.amin(-1).to(torch.bfloat16)
    # Rounded first, so that the whole numbers make up for it.
    scales = ((grouped.amax(-1) - least.float()) / 15).to(torch.bfloat16)
    whole = (grouped - least.float()[..., None]) / scales.float().clamp_min(1e-30)[..., None]
    whole = whole.round_().clamp_(0, 15).to(torch.int32).view(len(numbers), -1)
    both = torch.stack([scales, least], -1)  # [features, groups, 2]
    return whole, both.view(-1, FEATURES, *both.shape[1:]).permute(0, 2, 3, 1).contiguous()


def _words(whole: torch.Tensor, bits: Bits) -> torch.Tensor:
    """The whole numbers `[features, inputs]` of a word side by side, the first input lowest."""
    a_word = 32 // bits
    parts = (whole & (2**bits - 1)).view(len(whole), -1, a_word)
    words = torch.zeros(parts.shape[:2], dtype=torch.int32)
    for place in range(a_word):
        words |= parts[..., place] << (bits * place)
    return words.view(-1, FEATURES, words.shape[1]).transpose(1, 2).contiguous()
