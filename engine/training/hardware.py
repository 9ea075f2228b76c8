"""Where a training computes, and what makes it quick there."""

from __future__ import annotations

import torch

from engine.config import EngineConfig
from engine.device import pick_device
from engine.training.errors import TrainingError


def prepare_device(name: str) -> torch.device:
    """`auto`: the graphics card if there is one. Raises TrainingError where the machine has no such device.

    A card multiplies float32 in TF32 then, several times as fast; steps this small are bound by how fast kernels are
    started, so bfloat16, which needs more of them, would gain nothing.
    """
    try:
        device = pick_device(EngineConfig(device=name))
        torch.empty(1, device=device)
    except (ValueError, RuntimeError, AssertionError) as error:
        raise TrainingError(f"This machine can't compute on “{name}”: leave --device out, or write cpu.") from error
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return device
