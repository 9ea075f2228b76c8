"""Linear layers with packed weights, in place of a loaded module's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import torch
from torch import nn

from engine.text.c_library import Unavailable
from engine.text.packed.kernel import PackedMatrix, library, most_rows
from engine.text.packed.layout import Bits, Packed, in_full, in_twos
from engine.text.packed.quantise import can_quantise, quantised
from engine.weights import Weights

BITS: dict[Weights, Bits] = {"int8": 8, "int4": 4}

logger = logging.getLogger(__name__)


class PackedLinear(nn.Module):
    """`nn.Linear` with its weight packed; the plain weight is dropped. Computes in float32 whatever comes in.

    keeps: what it says stays float32 too, as whoever chooses a token wants it.
    """

    def __init__(self, plain: nn.Linear, weights: Packed, *, keeps: bool = False) -> None:
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.bias = plain.bias
        self.matrix = PackedMatrix(weights)
        self.nbytes = self.matrix.weights.nbytes
        """Of the weight alone."""
        self._most_rows, self._keeps = most_rows(weights.bits), keeps

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        flat = rows.reshape(-1, self.in_features).to(torch.float32).contiguous()
        few = flat.shape[0] <= self._most_rows
        output = self.matrix.multiply(flat) if few else self.matrix.multiply_expanded(flat)
        if self.bias is not None:
            output += self.bias
        return output.to(torch.float32 if self._keeps else rows.dtype).view(*rows.shape[:-1], self.out_features)


def refusal(device: torch.device) -> str:
    """Why rounded weights can't be used here, as a sentence; empty where they can."""
    if device.type != "cpu":
        return f"Weights of 8 and 4 bits run on processors only, not on {device}. Choose full weights for this model."
    try:
        library()
    except Unavailable as error:
        return f"Weights of 8 and 4 bits need a kernel that can't be built here: {error} Choose full weights for it."
    return ""


def packs_in_full(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether full weights are packed here: for a processor that has the instructions for it in this number format."""
    if device.type != "cpu" or dtype not in (torch.float32, torch.bfloat16):
        return False
    try:
        multiplies = library().multiplies_floats if dtype is torch.float32 else library().multiplies_twos
        return bool(multiplies())
    except Unavailable as error:
        logger.info("Weights stay as the libraries multiply them: %s", error)
        return False


def pack_linears(module: nn.Module, weights: Weights) -> Iterator[None]:
    """Replace every `nn.Linear` inside whose size allows it; yields after each, for it takes a while.

    The output layer decides between tokens directly, so it gets 8 bits at least, as in llama.cpp's files.
    """
    output = getattr(module, "lm_head", None)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is not nn.Linear:
                continue
            plain = child.weight.data
            if weights == "full":
                packed = in_twos(plain) if plain.dtype is torch.bfloat16 else in_full(plain)
            else:
                bits: Bits = 8 if child is output else BITS[weights]
                if not can_quantise(child.in_features, bits):
                    continue
                packed = quantised(plain, bits)
            setattr(parent, name, PackedLinear(child, packed, keeps=child is output))
            yield
