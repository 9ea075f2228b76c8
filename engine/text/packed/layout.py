"""How packed.c wants a weight: its features in blocks, those of a block side by side for each input."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch.nn.functional import pad

Bits = Literal[32, 16, 8, 4]
FEATURES = 32
"""Of a block, in packed.c."""


@dataclass(frozen=True, slots=True)
class Packed:
    bits: Bits
    """32: as float32; 16: as bfloat16, which for these numbers is exact; fewer: rounded (`quantise.py`)."""
    features: int
    inputs: int
    words: torch.Tensor
    """In full: float32 or bfloat16 `[blocks, inputs, FEATURES]`, in twos bfloat16 `[blocks, inputs / 2, FEATURES, 2]`;
    rounded: int32 `[blocks, inputs / weights a word, FEATURES]`."""
    scales: torch.Tensor
    """8 bits: float32 `[blocks, FEATURES]`; 4 bits: bfloat16 `[blocks, groups, 2, FEATURES]`, scale and middle."""
    in_twos: bool = False
    """16 bits, for a processor that multiplies bfloat16: what comes in is rounded to it too."""

    @property
    def is_rounded(self) -> bool:
        return self.bits < 16

    @property
    def nbytes(self) -> int:
        return self.words.nbytes + self.scales.nbytes

    def split(self, features: Several[int]) -> list[Packed]:
        """Parts of whole blocks, which keep no numbers of their own."""
        parts, begin = [], 0
        for count in features:
            blocks = slice(begin, begin + -(-count // FEATURES))
            parts.append(replace(self, features=count, words=self.words[blocks], scales=self.scales[blocks]))
            begin = blocks.stop
        return parts


def in_full(weight: torch.Tensor) -> Packed:
    """weight `[features, inputs]`, any floating format; as bfloat16 where that loses nothing."""
    blocks = in_blocks(weight)
    half = blocks.to(torch.bfloat16)
    exact = torch.equal(half.float(), blocks)
    words = (half if exact else blocks).transpose(1, 2).contiguous()
    features, inputs = weight.shape
    return Packed(16 if exact else 32, features, inputs, words, torch.empty(len(words), 0))


def in_twos(weight: torch.Tensor) -> Packed:
    """weight: bfloat16 `[features, inputs]`. The weights of two inputs side by side; a nought where there is one."""
    features, inputs = weight.shape
    blocks = pad(in_blocks(weight).to(torch.bfloat16), (0, inputs % 2))
    words = blocks.view(len(blocks), FEATURES, -1, 2).transpose(1, 2).contiguous()
    return Packed(16, features, inputs, words, torch.empty(len(words), 0), in_twos=True)


def in_blocks(weight: torch.Tensor) -> torch.Tensor:
    """weight `[features, inputs]`: float32 `[blocks, FEATURES, inputs]`, noughts where there are no features."""
    features, inputs = weight.shape
    numbers = torch.zeros(-(-features // FEATURES) * FEATURES, inputs)
    numbers[:features] = weight
    return numbers.view(-1, FEATURES, inputs)


def can_join(features: Several[int]) -> bool:
    """Whether the blocks of all but the last are whole."""
    return all(count % FEATURES == 0 for count in features[:-1])


def joined(parts: Several[Packed]) -> Packed:
    """The features of all, one behind the other. Parts that `can_join`, of the same inputs and, but where they are in
    full and not in twos, bits."""
    bits = max(part.bits for part in parts)
    words = torch.cat([part.words.float() if bits == 32 else part.words for part in parts])
    scales = torch.cat([part.scales for part in parts])
    return replace(parts[0], bits=bits, features=sum(part.features for part in parts), words=words, scales=scales)
