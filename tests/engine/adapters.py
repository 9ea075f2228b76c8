"""LoRA adapters in PEFT's format, made by hand, and the same weights merged into a copy of their base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.adapters import CONFIG, WEIGHTS
from engine.adapters.pairs import KINDS, LAYER

Tensors = dict[str, torch.Tensor]
PREFIX = "base_model.model."


def layers_of(base: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the layers of a checkpoint that an adapter may change."""
    weights = load_file(base / "model.safetensors")
    named = {name.removesuffix(".weight"): tuple(tensor.shape) for name, tensor in weights.items()}
    return {
        name: shape
        for name, shape in named.items()
        if f"{name}.weight" in weights and (place := LAYER.fullmatch(name)) and place["kind"] in KINDS
    }


def make_adapter(
    folder: Path, base: Path, *, seed: int = 1, rank: int = 4, kinds: frozenset[str] = KINDS, size: float = 0.2,
    **settings: Any,
) -> Path:  # fmt: skip
    """For all layers of `base` of these kinds. settings: of adapter_config.json."""
    generator = torch.Generator().manual_seed(seed)
    tensors: Tensors = {}
    for name, (outputs, inputs) in layers_of(base).items():
        if name.rpartition(".")[2] in kinds:
            tensors[f"{PREFIX}{name}.lora_A.weight"] = torch.randn(rank, inputs, generator=generator) * size
            tensors[f"{PREFIX}{name}.lora_B.weight"] = torch.randn(outputs, rank, generator=generator) * size
    config = {
        "peft_type": "LORA", "base_model_name_or_path": f"someone/{base.name}", "r": rank, "lora_alpha": 8,
        "bias": "none", "target_modules": sorted(kinds), "task_type": "CAUSAL_LM", "lora_dropout": 0.05,
        "use_dora": False, "use_rslora": False, "modules_to_save": None, "init_lora_weights": True,
        "inference_mode": True, "rank_pattern": {}, "alpha_pattern": {}, "megatron_core": "megatron.core",
    }  # fmt: skip
    folder.mkdir(parents=True)
    save_file(tensors, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config | settings))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# An adapter\n")
    return folder


def merge(base: Path, adapter: Path, target: Path, scaling: Callable[[str], float]) -> Path:
    """A copy of `base` with W + scaling · B · A in place of W."""
    shutil.copytree(base, target)
    weights, tensors = load_file(base / "model.safetensors"), load_file(adapter / WEIGHTS)
    for name in layers_of(base):
        down, up = (tensors.get(f"{PREFIX}{name}.lora_{half}.weight") for half in "AB")
        if down is not None and up is not None:
            weights[f"{name}.weight"] = weights[f"{name}.weight"] + scaling(name) * (up @ down)
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def change_tensors(folder: Path, change: Callable[[Tensors], Any]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | changes))
