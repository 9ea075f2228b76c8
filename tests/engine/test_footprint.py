"""What a model takes is known before it is loaded, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import EngineConfig
from engine.loaded import LoadFailed
from engine.metrics import Counters
from engine.text.engine import TextEngine
from engine.text.footprint import footprint_of, held_by
from engine.text.packed.kernel import library
from engine.text.packed.linear import PackedLinear
from tests.engine.test_equality import load
from tests.engine.tiny import FAMILIES

BUDGET = 2**30


def bytes_of(module: torch.nn.Module) -> int:
    """Of all that it keeps, each memory once; the rotary frequencies, a few hundred bytes, and features that fill up
    the last block of a packed weight left out."""
    kept: dict[object, int] = {
        part: part.in_features * part.out_features * part.matrix.weights.words.itemsize
        for part in module.modules()
        if isinstance(part, PackedLinear)
    }
    for name, tensor in _tensors(module):
        if "rotary_emb" not in name:
            place = id(tensor) if tensor.is_mkldnn else tensor.untyped_storage().data_ptr()
            size = tensor.numel() * tensor.itemsize if tensor.is_mkldnn else tensor.untyped_storage().nbytes()
            kept[place] = size
    return sum(kept.values())


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for path, part in module.named_modules():
        for held in (part._parameters, part._buffers, part.__dict__):
            for name, value in held.items():
                if isinstance(value, torch.Tensor):
                    yield f"{path}.{name}", value


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_what_the_loaded_model_takes(checkpoints: dict[str, Path], family: str, dtype: str) -> None:
    config = EngineConfig(device="cpu", dtype=dtype, max_context=512)  # type: ignore[arg-type]
    footprint, model = footprint_of(checkpoints[family], config, BUDGET), load(checkpoints[family], dtype=dtype)
    assert footprint.weights == bytes_of(model.module)
    engine = TextEngine(model, config, Counters(), room=footprint.full_cache)
    assert engine.cache_bytes == footprint.full_cache


def test_full_weights_take_half_where_bfloat16_loses_nothing(tmp_path: Path, checkpoints: dict[str, Path]) -> None:
    """What is counted before a load is the most that it can be; afterwards what is kept counts."""
    for file in checkpoints["Llama"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = {name: tensor.bfloat16() for name, tensor in load_file(tmp_path / "model.safetensors").items()}
    save_file(tensors, tmp_path / "model.safetensors")
    config = EngineConfig(device="cpu", dtype="float32")
    most, module = footprint_of(tmp_path, config, BUDGET).weights, load(tmp_path).module
    packed = [part for part in module.modules() if isinstance(part, PackedLinear)]
    if library().multiplies_floats():
        assert {part.matrix.weights.bits for part in packed} == {16}
        assert held_by(module) < 0.8 * most
    whole = load(checkpoints["Llama"]).module
    assert held_by(whole) == pytest.approx(most, rel=0.1)  # blocks of a tiny model's layers are filled up


def test_a_tied_output_layer_that_was_saved_all_the_same_counts_once(
    tmp_path: Path, checkpoints: dict[str, Path]
) -> None:
    for file in checkpoints["Qwen2"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, tmp_path / "model.safetensors")
    config = EngineConfig(device="cpu", dtype="float32")
    assert footprint_of(tmp_path, config, BUDGET) == footprint_of(checkpoints["Qwen2"], config, BUDGET)


def test_what_can_not_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match=r"config\.json"):
        footprint_of(tmp_path, EngineConfig(device="cpu"), BUDGET)
