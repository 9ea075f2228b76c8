"""Which number format `auto` is, by what the processor has instructions for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.config import EngineConfig
from engine.device import is_out_of_memory, pick_dtype

CPU = torch.device("cpu")


def x86(**has: bool) -> dict[str, Any]:
    return {"architecture": "x86_64", "avx512_f": False, "avx512_bf16": False, "amx_bf16": False} | has


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (x86(), torch.float32),
        (x86(avx512_f=True), torch.float32),  # oneDNN would emulate it there, at a quarter of float32's speed
        (x86(avx512_f=True, avx512_bf16=True), torch.bfloat16),
        (x86(avx512_f=True, amx_bf16=True), torch.bfloat16),
    ],
)
def test_auto_is_bfloat16_only_where_it_is_multiplied(
    known: dict[str, Any], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    assert pick_dtype(EngineConfig(), CPU) is expected


def test_this_processor_is_told_apart() -> None:
    """The names above are torch's own."""
    known = torch.cpu.get_capabilities()
    assert known["architecture"] != "x86_64" or x86().keys() <= known.keys()


def test_what_is_configured_counts() -> None:
    assert pick_dtype(EngineConfig(dtype="bfloat16"), CPU) is torch.bfloat16
    assert pick_dtype(EngineConfig(dtype="float32"), CPU) is torch.float32


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("CUDA error: out of memory", True),
        ("Triton Error [CUDA]: out of memory", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("DefaultCPUAllocator: can't allocate memory", True),
        ("CUDA error: an illegal memory access was encountered", False),
    ],
)
def test_too_little_memory_is_known_by_what_is_said(said: str, short: bool) -> None:
    assert is_out_of_memory(RuntimeError(said)) == short
