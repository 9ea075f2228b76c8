"""A training's state on disk: safetensors and JSON, put in place at once so that a kill harms nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from engine.training.errors import TrainingError

MOMENTS = ("exp_avg", "exp_avg_sq")


def save_checkpoint(
    folder: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, *, step: int, spent: float
) -> None:
    """Everything that `load_checkpoint` needs to go on as if nothing had happened; `spent`: seconds so far."""
    new, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_file(_plain(model), new / "model.safetensors")
    save_file(_plain(average), new / "average.safetensors")
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments = {
        f"{number}.{name}": optimizer.state[parameter][name].contiguous()
        for number, parameter in enumerate(parameters)
        for name in MOMENTS
    }
    save_file(moments, new / "optimizer.safetensors")
    (new / "step.json").write_text(json.dumps({"step": step, "spent": spent}))
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """The step to go on with, and the seconds spent: 0 if there is no checkpoint. Raises TrainingError if damaged."""
    if not (folder / "step.json").exists():
        folder = folder.with_name(folder.name + ".old")  # killed between the two renames
    if not (folder / "step.json").exists():
        return 0, 0.0
    try:
        reached = json.loads((folder / "step.json").read_text())
        step, spent = int(reached["step"]), float(reached.get("spent", 0))
        model.load_state_dict(load_file(folder / "model.safetensors"))
        average.load_state_dict(load_file(folder / "average.safetensors"))
        _load_moments(optimizer, load_file(folder / "optimizer.safetensors"), step)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"The checkpoint in {folder} is damaged ({error}). Start again elsewhere.") from error
    return step, spent


def _load_moments(optimizer: torch.optim.Optimizer, moments: dict[str, torch.Tensor], step: int) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, parameter in enumerate(parameters):
        values = {name: torch.empty_like(parameter).copy_(moments[f"{number}.{name}"]) for name in MOMENTS}
        optimizer.state[parameter] = {"step": torch.tensor(float(step), device=parameter.device), **values}


def _plain(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
