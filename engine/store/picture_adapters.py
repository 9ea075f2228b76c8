"""The files of a LoRA adapter of a model that draws, and the layers of such a model, from their headers alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.adapters import CONFIG, WEIGHTS, UnsupportedAdapter, read_config
from engine.adapters.pictures import (
    Layer,
    Lora,
    fitted,
    own_name,
    parts_in,
    per_block_of,
    read_lora,
    read_peft,
    weights_of,
)
from engine.pipelines import config_of, is_variant, read_pipeline
from engine.store.checks import read_json
from engine.store.errors import StoreError
from engine.store.safetensors import check_safetensors, metadata_of, tensor_shapes

EMBEDDINGS = ("token_embedding", "position_embedding", "shared", "embed_tokens", "relative_attention_bias")
"""Matrices too, but of no linear layer."""


def lora_of(folder: Path, present: Iterable[str]) -> Lora:
    """present: the paths of all files that may be kept. Raises StoreError with the first reason to refuse."""
    weights = [path for path in present if path.endswith(".safetensors")]
    if parts := parts_in(folder):
        check_parts(weights, parts)
        return read_parts(folder, parts)
    if len(weights) != 1:
        raise StoreError(
            f"There are several weights here: {', '.join(weights)[:200]}. A LoRA adapter is one of them, alone; a "
            "whole model needs its config.json or model_index.json."
        )
    return read_file(folder / weights[0])


def check_parts(weights: Iterable[str], parts: tuple[str, ...]) -> None:
    """weights: what PEFT's folders of these parts hold, and what lies beside them. Raises StoreError where it isn't one
    file in each folder: whatever else there is would be left out of the picture."""
    expected = {f"{part}/{WEIGHTS}" for part in parts}
    found = set(weights)
    for path in sorted(found ^ expected):
        what = "nothing says what it changes, or how strongly" if path in found else "it is missing"
        raise StoreError(
            f"“{path}” of the adapter: {what}. Beside its {CONFIG}, each part's folder ({', '.join(parts)}) holds "
            f"{WEIGHTS} and no other weights, and no weights lie outside."
        )


def read_adapter(folder: Path) -> Lora:
    """One that was checked before. Raises StoreError, and OSError where there is none."""
    if parts := parts_in(folder):
        return read_parts(folder, parts)
    return read_file(weights_of(folder, ""))


def read_parts(folder: Path, parts: Iterable[str]) -> Lora:
    """PEFT's folders of one adapter. Raises StoreError."""
    loras = [read_file(folder / part / WEIGHTS, part) for part in parts]
    changes = {name: change for lora in loras for name, change in lora.changes.items()}
    return Lora(changes, {part: config for lora in loras for part, config in lora.settings.items()})


def read_file(file: Path, part: str = "") -> Lora:
    """With what lies beside it where PEFT wrote it. Raises StoreError."""
    check_safetensors(file)
    config = file.with_name(CONFIG)
    try:
        if config.is_file():
            return read_peft(tensor_shapes(file), read_config(read_json(config)), part)
        return read_lora(tensor_shapes(file), metadata_of(file))
    except UnsupportedAdapter as error:
        raise StoreError(f"In “{part}”: {error}" if part else str(error)) from error


def check_lora_fits(lora: Lora, base: Path) -> None:
    """base: the folder of a checked pipeline. Raises UnsupportedAdapter where the adapter was made for another one."""
    read = read_pipeline(base)
    fitted(lora, layers_of(base, read.parts), per_block_of(read_json(base / config_of(read.kind.network))))


def layers_of(base: Path, parts: Iterable[str]) -> dict[Layer, tuple[int, ...]]:
    """The shapes of the weights that an adapter may change: of linear layers and convolutions that denoise or read."""
    found = {}
    for part in parts:
        if part == "vae":
            continue
        for file in (base / part).glob("*.safetensors"):
            for name, (_, shape) in {} if is_variant(file.name) else tensor_shapes(file).items():
                layer, _, kind = name.rpartition(".")
                if kind == "weight" and len(shape) in (2, 4) and not layer.endswith(EMBEDDINGS):
                    found[part, own_name(part, layer)] = shape
    return found
