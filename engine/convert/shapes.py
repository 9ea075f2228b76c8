"""What a GGUF file says of itself against the tensors it holds, before a module is built as large as it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.architectures import UnsupportedModel, check_config, context_length
from engine.convert.gguf_file import GgufFile
from engine.convert.process import ConversionError


def check_shapes(gguf: GgufFile, config: Mapping[str, Any]) -> None:
    """Raises ConversionError where a matrix is missing or has another shape than the configuration asks for."""
    try:
        check_config(config)
        context_length(config)
    except UnsupportedModel as error:
        raise ConversionError(str(error)) from error
    found, layers = gguf.shapes(), config["num_hidden_layers"]
    _check("token_embd.weight", (config["vocab_size"], config["hidden_size"]), found)
    for name, shape in _of_layer(config).items():
        for layer in range(layers):
            _check(f"blk.{layer}.{name}.weight", shape, found)


def _of_layer(config: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of each matrix of a layer."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    queries, keys = (config[heads] * config["head_dim"] for heads in ("num_attention_heads", "num_key_value_heads"))
    return {
        "attn_q": (queries, width), "attn_k": (keys, width), "attn_v": (keys, width), "attn_output": (width, queries),
        "ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner),
    }  # fmt: skip


def _check(name: str, shape: tuple[int, int], found: Mapping[str, tuple[int, ...]]) -> None:
    if found.get(name) != shape:
        has = " × ".join(map(str, found[name])) if name in found else "missing"
        raise ConversionError(f"its tensor {name} is {has}; its settings ask for {shape[0]} × {shape[1]}.")
