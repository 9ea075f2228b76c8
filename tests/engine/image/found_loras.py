"""The names that layers have in adapters as people find them, in ways of writing that diffusers reads as well."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.adapters.pictures.layers import Layer, Shape, Share
from engine.adapters.pictures.names import spelled
from tests.engine.image.loras import FILE, Tensors, base_layers
from tests.engine.image.other_loras import halves

WAYS = ("lora_down", "lora_up"), ("lora_A", "lora_B"), ("down", "up")
KOHYA, PEFT, PROCESSORS = WAYS
DOUBLE = (
    "img_attn.qkv", "img_attn.proj", "img_mod.lin", "img_mlp.0", "img_mlp.2",
    "txt_attn.qkv", "txt_attn.proj", "txt_mod.lin", "txt_mlp.0", "txt_mlp.2",
)  # fmt: skip
SINGLE = ("linear1", "linear2", "modulation.lin")
OF_XLABS = {
    "double_blocks": ("qkv_lora1", "proj_lora1", "qkv_lora2", "proj_lora2"),
    "single_blocks": ("qkv_lora", "proj_lora"),
}


def of_makers(root: str, doubles: int, singles: int, single: Iterable[str] = SINGLE) -> list[str]:
    """Flux's layers by its makers' names."""
    names = [f"{root}double_blocks.{block}.{name}" for block in range(doubles) for name in DOUBLE]
    return names + [f"{root}single_blocks.{block}.{name}" for block in range(singles) for name in single]


def of_xlabs(root: str, doubles: int, singles: int) -> list[str]:
    blocks = {"double_blocks": doubles, "single_blocks": singles}
    return [
        f"{root}{kind}.{block}.processor.{name}"
        for kind, names in OF_XLABS.items()
        for block in range(blocks[kind])
        for name in names
    ]


def write_lora(
    folder: Path, base: Path, names: Iterable[str], way: tuple[str, str], *, rank: int = 4, alpha: float | None = None
) -> Path:
    """A file with these layers of `base`."""
    shapes, generator = base_layers(base), torch.Generator().manual_seed(3)
    known = spelled(shapes, 1)
    tensors: Tensors = {}
    for name in names:
        outputs, inputs, *kernel = whole(known[name], shapes)
        for half, tensor in zip(way, halves(outputs, inputs, kernel, rank, generator), strict=True):
            tensors[f"{name}.{half}.weight"] = tensor * 3  # so that a few layers show in the picture
        if alpha is not None:
            tensors[f"{name}.alpha"] = torch.tensor(alpha)
    folder.mkdir(parents=True)
    save_file(tensors, folder / FILE)
    return folder


def whole(shares: tuple[Share, ...], shapes: dict[Layer, Shape]) -> Shape:
    """Of the matrix that holds all of them."""
    first = shapes[shares[0].layer]
    return (sum(shapes[share.layer][0] for share in shares), *first[1:])
