"""Writing safetensors in bfloat16: in shards, one tensor in memory at a time, without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.convert.gguf_file import GgufFile
from engine.convert.names import translated
from engine.convert.process import ConversionError

SHARD = 4 * 1024**3  # bytes
WIDTH = 2  # bytes of a bfloat16


def write_weights(gguf: GgufFile, folder: Path) -> None:
    """`model.safetensors`, or several with an index. Raises ConversionError."""
    shards = _planned({name: shape for name, shape in gguf.shapes().items() if translated(name)})
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        file = "model.safetensors" if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_shard(gguf, shard, folder / file)
        weight_map.update({str(translated(name)): file for name in shard})
    if len(shards) > 1:
        index = {"metadata": {}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


def to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper half of each float32, rounded to nearest even, as torch does."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype("<u2")


Shapes = Mapping[str, Sequence[int]]


def _planned(shapes: Shapes) -> list[dict[str, Sequence[int]]]:
    """The tensors by shard, in the file's order."""
    if not shapes:
        raise ConversionError("it holds no tensors.")
    shards: list[dict[str, Sequence[int]]] = [{}]
    room = SHARD
    for name, shape in shapes.items():
        size = math.prod(shape) * WIDTH
        if shards[-1] and size > room:
            shards.append({})
            room = SHARD
        shards[-1][name] = shape
        room -= size
    return shards


def _write_shard(gguf: GgufFile, shapes: Shapes, path: Path) -> None:
    """Header (padded to 8 bytes), then the tensors without gaps: https://github.com/huggingface/safetensors#format."""
    with path.open("xb") as writing:
        header = json.dumps(_header(shapes), separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
        writing.write(len(header).to_bytes(8, "little") + header)
        for name in shapes:
            writing.write(to_bfloat16(_ready(gguf, name)).tobytes())


def _header(shapes: Shapes) -> dict[str, object]:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, shape in shapes.items():
        end = begin + math.prod(shape) * WIDTH
        header[str(translated(name))] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
        begin = end
    return header


def _ready(gguf: GgufFile, name: str) -> NDArray[np.float32]:
    """A tensor's values in the order that transformers wants. Raises ConversionError."""
    values = gguf.tensor(name)
    if not np.isfinite(values).all():
        raise ConversionError(f"its tensor {name} holds values that are no numbers.")
    heads = gguf.number("{arch}.attention.head_count")
    if gguf.architecture == "llama" and ".attn_q." in name:
        return _unpermuted(values, heads)
    if gguf.architecture == "llama" and ".attn_k." in name:
        return _unpermuted(values, int(gguf.value("{arch}.attention.head_count_kv", heads)))
    return values


def _unpermuted(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """llama.cpp interleaves the two rotary halves of each head of a Llama (convert_hf_to_gguf.py, `permute`)."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, half, 2, *values.shape[1:]).swapaxes(2, 1).reshape(values.shape)
