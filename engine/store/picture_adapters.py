"""The file of a LoRA adapter of a model that draws, and the layers of such a model, from their headers alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.adapters import CONFIG, UnsupportedAdapter, read_config
from engine.adapters.pictures import Layer, Lora, fitted, own_name, per_block_of, read_lora, read_peft
from engine.pipelines import config_of, is_variant, read_pipeline
from engine.store.checks import read_json
from engine.store.errors import StoreError
from engine.store.safetensors import check_safetensors, metadata_of, tensor_shapes

EMBEDDINGS = ("token_embedding", "position_embedding", "shared", "embed_tokens", "relative_attention_bias")
"""Matrices too, but of no linear layer."""


def lora_of(folder: Path, present: Iterable[str]) -> Lora:
    """present: the names of all files that may be kept. Raises StoreError with the first reason to refuse."""
    weights = [path for path in present if path.endswith(".safetensors")]
    if len(weights) != 1:
        raise StoreError(
            f"There are several weights here: {', '.join(weights)[:200]}. A LoRA adapter is one of them, alone; a "
            "whole model needs its config.json or model_index.json."
        )
    return read_file(folder / weights[0])


def read_file(file: Path) -> Lora:
    """With what lies beside it where PEFT wrote it. Raises StoreError."""
    check_safetensors(file)
    config = file.with_name(CONFIG)
    try:
        if config.is_file():
            return read_peft(tensor_shapes(file), read_config(read_json(config)))
        return read_lora(tensor_shapes(file), metadata_of(file))
    except UnsupportedAdapter as error:
        raise StoreError(str(error)) from error


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
