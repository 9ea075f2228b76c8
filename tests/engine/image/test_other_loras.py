"""PEFT's folders, and kohya's files for Flux and Stable Diffusion 3: the picture is that of the merged weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_flux_transformer_checkpoint_to_diffusers,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from safetensors.torch import load_file, save_file
from torch import nn

from engine.adapters import CONFIG, WEIGHTS
from engine.adapters.pictures.names import spelled
from engine.store import StoreError, check_adapter, check_fits, is_adapter
from engine.types import AdapterRef
from tests.engine.adapters import change_config
from tests.engine.image.drawing import draw, far_apart, params
from tests.engine.image.loras import Tensors, change_lora
from tests.engine.image.other_loras import BY_MAKERS, make_original, make_peft, with_added
from tests.engine.image.test_equality import SLACK, by_diffusers
from tests.engine.started import started_engines

CLEARLY = 20
"""Levels of 255 that an adapter changes at least somewhere."""
PATTERNS = {"use_rslora": True, "rank_pattern": {"to_q": 2, "conv1": 3}, "alpha_pattern": {"to_k": 2.5}}


def check_picture(base: Path, lora: Path, merged: Path) -> None:
    check_fits(check_adapter(lora), base)
    wanted = params()
    with started_engines() as start:
        made = draw(start({"base": base, "style": lora}), "base", wanted, adapter=AdapterRef("style", "base")).picture()
    assert far_apart(made, by_diffusers(merged, wanted)) <= SLACK
    assert far_apart(made, by_diffusers(base, wanted)) > CLEARLY


@pytest.mark.parametrize("family", BY_MAKERS)
def test_by_the_names_of_their_makers(pipelines: dict[str, Path], tmp_path: Path, family: str) -> None:
    base = pipelines[family]
    lora, added = make_original(tmp_path / "lora", base, family)
    check_picture(base, lora, with_added(base, added, tmp_path / "merged"))


@pytest.mark.parametrize(
    ("family", "part", "trained"),
    [
        ("stable-diffusion", "unet", PATTERNS),
        ("stable-diffusion-xl", "unet", {}),
        ("stable-diffusion-3", "transformer", {}),
        ("flux", "transformer", {"lora_alpha": 4, "rank_pattern": {"norm_out.linear": 5}}),
    ],
)
def test_folders_of_peft(
    pipelines: dict[str, Path], tmp_path: Path, family: str, part: str, trained: dict[str, Any]
) -> None:
    base = pipelines[family]
    lora, added = make_peft(tmp_path / "lora", base, part, **trained)
    assert check_adapter(lora).base_name == str(base)
    check_picture(base, lora, with_added(base, added, tmp_path / "merged"))


class Lenient(dict[str, torch.Tensor]):
    """A checkpoint whose biases and norms, of which an adapter has nothing, are left out."""

    def pop(self, name: str, *default: Any) -> torch.Tensor:
        return super().pop(name, torch.zeros(7 * 3072))


def flux() -> tuple[nn.Module, dict[str, int]]:
    """Two blocks of each kind, as wide as the real one, and the outputs of the makers' matrices."""
    wide = 3072
    sizes = dict.fromkeys(
        (
            "img_in",
            "txt_in",
            *(f"{one}_in.{way}_layer" for one in ("time", "vector", "guidance") for way in ("in", "out")),
        ),
        wide,
    )
    sizes |= {"final_layer.linear": 64, "final_layer.adaLN_modulation.1": 2 * wide}
    for block in range(2):
        for side in ("img", "txt"):
            of_side = {"attn.qkv": 3, "attn.proj": 1, "mlp.0": 4, "mlp.2": 1, "mod.lin": 6}
            sizes |= {f"double_blocks.{block}.{side}_{name}": times * wide for name, times in of_side.items()}
        single = {"linear1": 7, "linear2": 1, "modulation.lin": 3}
        sizes |= {f"single_blocks.{block}.{name}": times * wide for name, times in single.items()}
    with torch.device("meta"):
        return diffusers.FluxTransformer2DModel(num_layers=2, num_single_layers=2, guidance_embeds=True), sizes


def three() -> tuple[nn.Module, dict[str, int]]:
    """Two blocks, the first with the second attention that 3.5 has, the last one as last ones are."""
    wide = 128
    sizes = dict.fromkeys(
        ("x_embedder.proj", "context_embedder", *(f"{one}_embedder.mlp.{place}" for one in "ty" for place in (0, 2))),
        wide,
    )
    sizes |= {"final_layer.linear": 64, "final_layer.adaLN_modulation.1": 2 * wide}
    both = {"attn.qkv": 3, "attn.proj": 1, "mlp.fc1": 4, "mlp.fc2": 1}
    for root, of_block in {
        "0.x_block": both | {"adaLN_modulation.1": 9, "attn2.qkv": 3, "attn2.proj": 1},
        "0.context_block": both | {"adaLN_modulation.1": 6},
        "1.x_block": both | {"adaLN_modulation.1": 6},
        "1.context_block": {"attn.qkv": 3, "adaLN_modulation.1": 2},
    }.items():
        sizes |= {f"joint_blocks.{root}.{name}": times * wide for name, times in of_block.items()}
    with torch.device("meta"):
        return diffusers.SD3Transformer2DModel(
            num_layers=2, attention_head_dim=64, num_attention_heads=2, joint_attention_dim=64,
            caption_projection_dim=wide, pooled_projection_dim=32, sample_size=32, pos_embed_max_size=32,
            dual_attention_layers=(0,), qk_norm="rms_norm",
        ), sizes  # fmt: skip


@pytest.mark.parametrize(
    ("made", "convert"),
    [
        (flux, convert_flux_transformer_checkpoint_to_diffusers),
        (three, convert_sd3_transformer_checkpoint_to_diffusers),
    ],
)
def test_the_makers_names_stand_for_what_diffusers_converts(
    made: Callable[[], tuple[nn.Module, dict[str, int]]], convert: Callable[..., Tensors]
) -> None:
    """Every output of every matrix has a number of its own, which is to be found in the same place of one layer."""
    network, sizes = made()
    begins = [sum(list(sizes.values())[:place]) for place in range(len(sizes))]
    numbered = {
        name: torch.arange(begin, begin + size)[:, None]
        for begin, (name, size) in zip(begins, sizes.items(), strict=True)
    }
    expected = convert(Lenient({f"{name}.weight": column for name, column in numbered.items()}))
    layers = {
        ("transformer", name): tuple(module.weight.shape)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    known, found = spelled(layers, 0), {}
    for name, column in numbered.items():
        for share in known[f"lora_unet_{name.replace('.', '_')}"]:
            rows = share.rows or ((0, len(column)),)
            assert share.layer not in found
            found[share.layer] = torch.cat([column[begin:end] for begin, end in rows])
    assert found.keys() == layers.keys()
    for layer, column in found.items():
        assert torch.equal(column, expected[f"{layer[1]}.weight"]), layer


Damage = Callable[[Path], Any]
QUERY = "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"


def tensors(change: Callable[[Tensors], Any]) -> Damage:
    def changed(folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        change(found)
        save_file(found, folder / WEIGHTS)

    return changed


def put(name: str, *shape: int) -> Damage:
    return tensors(lambda found: found.update({name: torch.ones(shape)}))


def told(**settings: Any) -> Damage:
    return lambda folder: change_config(folder, **settings)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (told(use_dora=True), "It is a DoRA adapter"),
        (told(bias="lora_only"), "trained the base's biases"),
        (told(modules_to_save=["conv_out"]), "modules_to_save"),
        (told(lora_bias=True), "biases of its own"),
        (told(peft_type="LOHA"), "of the kind 'LOHA'"),
        (told(init_lora_weights="pissa"), "began with 'pissa'"),
        (told(something_new=1), "something_new"),
        (told(rank_pattern={".*to_q": 2}), "regular expression"),
        (put(f"{QUERY}.lora_magnitude_vector", 16), f"“{QUERY}.lora_magnitude_vector”"),
        (put("base_model.model.conv_out.weight", 4, 8, 3, 3), "“base_model.model.conv_out.weight”"),
        (put("unet.mid_block.nothing.lora_A.weight", 4, 4), "“unet.mid_block.nothing.lora_A.weight”"),
        (tensors(lambda found: found.pop(f"{QUERY}.lora_B.weight")), "incomplete"),
        (tensors(lambda found: found.update({f"{QUERY}.lora_A.weight": torch.ones(4, 16).int()})), "I32"),
        (put(f"{QUERY}.lora_A.weight", 3, 16), "don't go together"),
        (lambda folder: (folder / CONFIG).unlink(), "without the adapter_config.json"),
        (lambda folder: (folder / CONFIG).write_text("{"), CONFIG),
    ],
)
def test_folders_of_peft_that_are_refused(
    pipelines: dict[str, Path], tmp_path: Path, damage: Damage, words: str
) -> None:
    lora, _ = make_peft(tmp_path / "lora", pipelines["stable-diffusion"], "unet")
    damage(lora)
    assert is_adapter(lora)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_adapter(lora)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (told(r=5), "have the rank 4, its settings say 5"),
        (told(rank_pattern={"to_q": 2}), "have the rank 4, its settings say 2"),
        (lambda folder: [put(f"{QUERY}2.lora_{half}.weight", 4, 4)(folder) for half in "AB"], f"no “{QUERY}2”"),
        (lambda folder: [put(f"{QUERY}.lora_{half}.weight", 4, 4)(folder) for half in "AB"], "are 16 × 16"),
    ],
)
def test_folders_of_peft_for_another_base(
    pipelines: dict[str, Path], tmp_path: Path, damage: Damage, words: str
) -> None:
    base = pipelines["stable-diffusion"]
    lora, _ = make_peft(tmp_path / "lora", base, "unet")
    damage(lora)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_fits(check_adapter(lora), base)


QKV = "lora_unet_double_blocks_0_img_attn_qkv"
TO_K = "transformer.transformer_blocks.0.attn.to_k"


def added(
    name: str, outputs: int, inputs: int, down: str = "lora_down", up: str = "lora_up"
) -> Callable[[Tensors], Any]:
    pair = {f"{name}.{down}.weight": torch.ones(2, inputs), f"{name}.{up}.weight": torch.ones(outputs, 2)}
    return lambda found: found.update(pair)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (added(QKV, 95, 32), "are 96 × 32, the adapter's 95 × 32"),
        (added(QKV, 96, 31), "are 96 × 32, the adapter's 96 × 31"),
        (added("lora_unet_double_blocks_1_img_attn_qkv", 96, 32), "no “lora_unet_double_blocks_1_img_attn_qkv”"),
        (added("lora_unet_joint_blocks_0_x_block_attn_qkv", 96, 32), "no “lora_unet_joint_blocks_0_x_block_attn_qkv”"),
        (added("lora_unet_double_blocks_0_img_attn_norm_query_norm", 16, 16), "img_attn_norm_query_norm”"),
        (added(TO_K, 32, 32, "lora_A", "lora_B"), "twice, under two names"),
    ],
)
def test_files_with_makers_names_for_another_base(
    pipelines: dict[str, Path], tmp_path: Path, change: Callable[[Tensors], Any], words: str
) -> None:
    lora, _ = make_original(tmp_path / "lora", pipelines["flux"], "flux")
    change_lora(lora, lambda found: (found.pop(f"{QKV}.alpha"), change(found)))
    with pytest.raises(StoreError, match=re.escape(words)):
        check_fits(check_adapter(lora), pipelines["flux"])


@pytest.mark.parametrize(("family", "other"), [("flux", "stable-diffusion-3"), ("stable-diffusion-3", "flux")])
def test_each_maker_has_names_of_his_own(pipelines: dict[str, Path], tmp_path: Path, family: str, other: str) -> None:
    lora, _ = make_original(tmp_path / "lora", pipelines[family], family)
    with pytest.raises(StoreError, match="made for another model"):
        check_fits(check_adapter(lora), pipelines[other])
