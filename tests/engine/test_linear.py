"""Packed matrices beside plain ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.text.linear import PackedLinear, can_pack, pack_linears

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_packed_matrices_multiply_like_plain_ones(dtype: torch.dtype, bias: bool) -> None:
    if not can_pack(dtype, CPU):
        pytest.skip(f"this CPU has no packed matrices in {dtype}")
    plain = nn.Linear(96, 160, bias=bias, dtype=dtype)
    packed = PackedLinear(plain)
    for rows in (1, 2, 8, 33, 256):
        inputs = torch.randn(1, rows, 96, dtype=dtype)
        torch.testing.assert_close(
            packed(inputs), plain(inputs), rtol=1.6e-2 if dtype is torch.bfloat16 else 1e-5, atol=1e-5
        )


def test_packing_replaces_every_linear_layer() -> None:
    module = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 4)))
    assert pack_linears(module) == 2
    assert not any(type(one) is nn.Linear for one in module.modules())
