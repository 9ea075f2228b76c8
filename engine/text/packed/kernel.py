"""Multiplication by packed weights (packed.c): as they are kept, or expanded piece by piece where that is faster."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter

import torch

from engine.text.c_library import compiled
from engine.text.packed.layout import FEATURES, Bits, Packed
from engine.text.packed.quantise import quantised

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("packed.c")
PIECE = 64
"""Blocks of features that are expanded at a time: all of a large output layer would be as much memory as it saves."""
TRIED_ROWS = (16, 32, 64, 128, 256)
TRIED_FEATURES, TRIED_INPUTS, TRIES = 1536, 576, 4


class NativeWeights(ctypes.Structure):
    """`struct weights` of packed.c."""

    _fields_ = [
        *[(name, ctypes.c_int32) for name in ("bits", "inputs", "features", "threads", "in_twos", "padding")],
        *[(name, ctypes.c_void_p) for name in ("packed", "scales")],
    ]


@cache
def library(*defines: str) -> ctypes.CDLL:
    """defines: `-DFLOATS` multiplies floats only, whatever this processor can. Raises Unavailable."""
    loaded = compiled(SOURCE, *defines)
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    loaded.multiply.argtypes, loaded.multiply.restype = [pointer, number, pointer, pointer], number
    loaded.rounds_input.argtypes, loaded.rounds_input.restype = [], number
    loaded.multiplies_floats.argtypes, loaded.multiplies_floats.restype = [], number
    loaded.multiplies_twos.argtypes, loaded.multiplies_twos.restype = [], number
    loaded.expand.argtypes, loaded.expand.restype = [pointer, number, number, pointer], None
    return loaded


class PackedMatrix:
    """One weight, ready to be multiplied with rows `[n, inputs]`, float32 and contiguous: `[n, features]`.

    Make it in the thread that uses it: it computes with as many threads as torch does there. Raises Unavailable.
    """

    def __init__(self, weights: Packed) -> None:
        self.weights = weights
        self._library = library()
        self._native = NativeWeights(
            weights.bits, weights.inputs, weights.features, torch.get_num_threads(), weights.in_twos, 0,
            weights.words.data_ptr(), weights.scales.data_ptr(),
        )  # fmt: skip
        self.address = ctypes.addressof(self._native)
        """Of a `struct weights`, as long as this lives."""

    def multiply(self, rows: torch.Tensor) -> torch.Tensor:
        """Reads the weights as they are kept."""
        number = rows.shape[0]
        output = torch.empty(number, self.weights.features)
        if not self._library.multiply(self.address, number, rows.data_ptr(), output.data_ptr()):
            raise MemoryError
        return output

    def multiply_expanded(self, rows: torch.Tensor) -> torch.Tensor:
        """The same by torch's matrix multiplication, for rounded weights."""
        features, inputs = self.weights.features, self.weights.inputs
        output = torch.empty(rows.shape[0], features)
        blocks = -(-features // FEATURES)
        for first in range(0, blocks, PIECE):
            count = min(PIECE, blocks - first)
            piece = torch.empty(inputs, count * FEATURES)
            self._library.expand(self.address, first, count, piece.data_ptr())
            begin, end = first * FEATURES, min((first + count) * FEATURES, features)
            output[:, begin:end] = torch.mm(rows, piece)[:, : end - begin]
        return output


@cache
def most_rows(bits: Bits) -> int:
    """Up to so many rows are multiplied with the weights as they are kept: tried, not guessed. Raises Unavailable.

    Any number of weights in full, and where inputs are rounded: what is said must not depend on a trial where that is
    about as fast or faster.
    """
    if bits >= 16 or library().rounds_input():
        return sys.maxsize
    generator = torch.Generator().manual_seed(0)
    matrix = PackedMatrix(quantised(torch.randn(TRIED_FEATURES, TRIED_INPUTS, generator=generator), bits))
    most = TRIED_ROWS[0]
    for number in TRIED_ROWS[1:]:
        rows = torch.randn(number, TRIED_INPUTS, generator=generator)
        if _seconds(matrix.multiply, rows) > _seconds(matrix.multiply_expanded, rows):
            break
        most = number
    logger.info("Weights of %d bits are expanded for more than %d rows", bits, most)
    return most


def _seconds(run: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor) -> float:
    times = []
    for _ in range(TRIES):
        began = perf_counter()
        run(rows)
        times.append(perf_counter() - began)
    return min(times)
