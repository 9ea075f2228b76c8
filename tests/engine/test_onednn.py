"""Matrices laid out by oneDNN beside plain ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.text.onednn import OneDnnLinear, can_reorder, reorder_linears

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_they_multiply_like_plain_ones(dtype: torch.dtype, bias: bool) -> None:
    if not can_reorder(dtype, CPU):
        pytest.skip(f"this CPU lays nothing out in {dtype}")
    plain = nn.Linear(96, 160, bias=bias, dtype=dtype)
    ours = OneDnnLinear(plain)
    for rows in (1, 2, 8, 33, 256):
        inputs = torch.randn(1, rows, 96, dtype=dtype)
        torch.testing.assert_close(
            ours(inputs), plain(inputs), rtol=1.6e-2 if dtype is torch.bfloat16 else 1e-5, atol=1e-5
        )


def test_it_replaces_every_linear_layer() -> None:
    module = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 4)))
    assert reorder_linears(module) == 2
    assert not any(type(one) is nn.Linear for one in module.modules())
