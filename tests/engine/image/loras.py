"""LoRA adapters of pictures, made by hand in the ways of writing that people's files have, and the same numbers merged
into a copy of their base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.adapters.pictures.blocks import block_names
from engine.pipelines import read_pipeline
from engine.store.picture_adapters import layers_of

Tensors = dict[str, torch.Tensor]
Layer = tuple[str, str]
Write = Callable[[Layer], tuple[str, str, str]]
"""The names of the two matrices and of the alpha."""
FILE = "pytorch_lora_weights.safetensors"
RANK = 4


def by_diffusers(layer: Layer) -> tuple[str, str, str]:
    name = ".".join(layer)
    return f"{name}.lora_A.weight", f"{name}.lora_B.weight", f"{name}.alpha"


def by_kohya(layer: Layer) -> tuple[str, str, str]:
    part, name = layer
    short = {"text_encoder": "te", "text_encoder_2": "te2"}.get(part, part)
    root = "text_model." if part.startswith("text_encoder") else ""
    name = f"lora_{short}_{(root + name).replace('.', '_')}"
    return f"{name}.lora_down.weight", f"{name}.lora_up.weight", f"{name}.alpha"


def by_blocks(layer: Layer) -> tuple[str, str, str]:
    """As kohya's files for Stable Diffusion XL have it, with the first of the names where there are several."""
    part, name = layer
    return by_kohya((part, block_names(name, 1)[0] if part == "unet" else name))


def base_layers(base: Path, parts: Iterable[str] = ()) -> dict[Layer, tuple[int, ...]]:
    """parts: all where none is named."""
    read = read_pipeline(base)
    return layers_of(base, parts or read.parts)


def make_lora(
    folder: Path, base: Path, *, seed: int = 1, parts: Iterable[str] = (), write: Write = by_diffusers,
    alpha: float | None = None, size: float = 0.3, settings: dict[str, Any] | None = None,
) -> Path:  # fmt: skip
    """For all layers of these parts of `base`. settings: as diffusers keeps them in the file."""
    generator = torch.Generator().manual_seed(seed)
    tensors: Tensors = {}
    for layer, (outputs, inputs, *kernel) in sorted(base_layers(base, parts).items()):
        down, up, strength = write(layer)
        spread = size / (inputs * torch.tensor(kernel or [1]).prod().item()) ** 0.5
        tensors[down] = torch.randn(RANK, inputs, *kernel, generator=generator) * spread
        tensors[up] = torch.randn(outputs, RANK, *[1 for _ in kernel], generator=generator) * 0.5
        if alpha is not None:
            tensors[strength] = torch.tensor(alpha)
    folder.mkdir(parents=True)
    told = {} if settings is None else {"lora_adapter_metadata": json.dumps(settings)}
    save_file(tensors, folder / FILE, metadata={"format": "pt"} | told)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A style\n")
    return folder


def merge(base: Path, lora: Path, target: Path, *, write: Write = by_diffusers, scaling: float = 1.0) -> Path:
    """A copy of `base` with W + scaling · B · A in place of W."""
    shutil.copytree(base, target)
    tensors = load_file(lora / FILE)
    changed = {layer: write(layer) for layer in base_layers(base) if write(layer)[0] in tensors}
    for part in {part for part, _ in changed}:
        for file in (target / part).glob("*.safetensors"):
            weights = load_file(file)
            for name, weight in weights.items():
                layer = (part, name.removesuffix(".weight").removeprefix("text_model."))
                if layer in changed and name.endswith(".weight"):
                    down, up = (tensors[half].double() for half in changed[layer][:2])
                    product = up.flatten(1) @ down.flatten(1)
                    weights[name] = (weight.double() + scaling * product.view_as(weight)).float()
            save_file(weights, file, metadata={"format": "pt"})
    return target


def change_lora(folder: Path, change: Callable[[Tensors], Any]) -> None:
    tensors = load_file(folder / FILE)
    change(tensors)
    save_file(tensors, folder / FILE)
