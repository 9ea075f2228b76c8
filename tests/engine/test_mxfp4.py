"""gpt-oss weights in MXFP4, as they are published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from engine.config import EngineConfig
from engine.loaded import LoadFailed
from engine.text.families.gpt_oss import expand
from engine.text.footprint import footprint_of
from tests.engine.test_equality import Bench, greedy, load, prompts_of
from tests.engine.test_footprint import bytes_of
from tests.engine.tiny import make_checkpoint

PACKED = ("gate_up_proj", "down_proj")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A tiny gpt-oss whose experts are random MXFP4, blocks and scales in different files."""
    folder = make_checkpoint(tmp_path / "packed", "GptOss")
    generator = torch.Generator().manual_seed(3)
    tensors, scales = load_file(folder / "model.safetensors"), {}
    for name in [name for name in tensors if name.endswith(PACKED)]:
        experts, columns, rows = tensors.pop(name).shape
        size = (experts, rows, columns // 32)
        tensors[f"{name}_blocks"] = torch.randint(0, 256, (*size, 16), dtype=torch.uint8, generator=generator)
        scales[f"{name}_scales"] = torch.randint(120, 126, size, dtype=torch.uint8, generator=generator)
    (folder / "model.safetensors").unlink()
    save_file(tensors, folder / "model-00001.safetensors")
    save_file(scales, folder / "model-00002.safetensors")
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "mxfp4"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_expanding_equals_transformers() -> None:
    generator = torch.Generator().manual_seed(1)
    blocks = torch.randint(0, 256, (3, 10, 2, 16), dtype=torch.uint8, generator=generator)
    scales = torch.randint(100, 150, (3, 10, 2), dtype=torch.uint8, generator=generator)
    assert torch.equal(expand(blocks, scales), convert_moe_packed_tensors(blocks, scales))


def test_a_packed_checkpoint_says_what_its_expanded_one_says(packed: Path, tmp_path: Path) -> None:
    prompt = prompts_of([30])[0]
    loaded = load(packed)
    experts = loaded.module.model.layers[1].mlp.experts  # type: ignore[union-attr, index]
    assert experts.down_proj.dtype is torch.float32
    assert experts.down_proj.unique().numel() > 16
    expanded = make_checkpoint(tmp_path / "expanded", "GptOss")
    tensors = {name: tensor.contiguous() for name, tensor in loaded.module.named_parameters()}
    # Packed linear layers have no plain weights any more: theirs are those of the checkpoint, made from the same seed.
    save_file(load_file(expanded / "model.safetensors") | tensors, expanded / "model.safetensors")
    texts = []
    for model in (loaded, load(expanded)):
        bench = Bench(model)
        bench.add("one", prompt, greedy(30))
        bench.run()
        texts.append(bench.completion("one", prompt))
    assert texts[0] == texts[1]


def test_scales_that_never_come_are_named(packed: Path) -> None:
    (packed / "model-00002.safetensors").unlink()
    with pytest.raises(LoadFailed, match="incomplete"):
        load(packed)


def test_blocks_that_do_not_fit_their_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="don't fit each other"):
        expand(torch.zeros(1, 2, 3, 16, dtype=torch.uint8), torch.zeros(1, 2, 4, dtype=torch.uint8))


def test_its_size_is_known_as_it_will_be_expanded(packed: Path) -> None:
    """Four bits a number on disk, and as many as all others in memory."""
    footprint = footprint_of(packed, EngineConfig(device="cpu", dtype="bfloat16"), 2**30)
    assert footprint.weights == bytes_of(load(packed, dtype="bfloat16").module)
