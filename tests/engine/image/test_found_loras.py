"""Adapters as people find them: XLabs' and ComfyUI's names, fal's, those that diffusers had first, PEFT's folders for
what reads the prompt. What they amount to, diffusers says, wherever it reads the same file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.utils.state_dict_utils import convert_state_dict_to_peft, convert_unet_state_dict_to_peft
from safetensors.torch import load_file
from torch import nn

from engine.adapters import CONFIG, WEIGHTS
from engine.adapters.pictures import fitted, read_lora
from engine.adapters.pictures.names import spelled
from engine.service import FolderSource
from engine.store import StoreError, check_adapter, check_fits, is_adapter
from engine.types import AdapterRef
from tests.engine.image.bench import Bench
from tests.engine.image.drawing import draw, far_apart, params
from tests.engine.image.found_loras import KOHYA, PEFT, PROCESSORS, of_makers, of_xlabs, whole, write_lora
from tests.engine.image.loras import FILE, Tensors, by_kohya, change_lora, make_lora
from tests.engine.image.other_loras import make_parts, product, with_added
from tests.engine.image.test_other_loras import CLEARLY, Damage, check_picture, put, told
from tests.engine.started import started_engines

COMFY = "diffusion_model."
CLIP = "text_encoders.clip_l.transformer.text_model.encoder.layers.0"
ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn2.processor"
OF_CLIP = [f"{CLIP}.{name}" for name in ("mlp.fc1", "self_attn.q_proj", "self_attn.out_proj")]
FIRST = [f"unet.{ATTENTION}.to_{what}_lora" for what in ("q", "k", "v", "out")] + [
    f"text_encoder.text_model.encoder.layers.0.self_attn.to_{what}_lora" for what in ("q", "k", "v", "out")
]
LINEAR1 = "single_blocks.0.linear1"
"""diffusers cuts that one up for the widths of the real Flux only."""
DOTTED = [name for name in of_makers(COMFY, 1, 1) if not name.endswith(LINEAR1)]


def read_by_diffusers(pipeline: Any, lora: Path) -> Tensors:
    """What its reader of adapters makes of the file: by the name of a tensor of the base, what is added to it."""
    tensors, alphas = pipeline.lora_state_dict(load_file(lora / FILE), return_alphas=True)
    assert not alphas
    parts = {name.partition(".")[0] for name in tensors}
    added: Tensors = {}
    for part in parts:
        own = {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
        convert = convert_state_dict_to_peft if part.startswith("text_encoder") else convert_unet_state_dict_to_peft
        own = own if any("lora_A" in name for name in own) else convert(own)
        for down in (name for name in own if ".lora_A." in name):
            layer = down.partition(".lora_A.")[0].removeprefix("text_model.")
            added[f"{part}/{layer}"] = product(own[down.replace(".lora_A.", ".lora_B.")], own[down])
    return added


@pytest.mark.parametrize(
    ("family", "names", "way", "alpha"),
    [
        ("flux", of_xlabs("", 1, 1), PROCESSORS, None),
        ("flux", of_xlabs(COMFY, 1, 1), PROCESSORS, None),
        ("flux", DOTTED + OF_CLIP, KOHYA, 2.0),
        ("stable-diffusion", FIRST, PROCESSORS, None),
    ],
)
def test_the_picture_is_that_of_what_diffusers_reads(
    pipelines: dict[str, Path], tmp_path: Path, family: str, names: list[str], way: tuple[str, str],
    alpha: float | None,
) -> None:  # fmt: skip
    base = pipelines[family]
    lora = write_lora(tmp_path / "lora", base, names, way, alpha=alpha)
    kind = {"flux": diffusers.FluxPipeline, "stable-diffusion": diffusers.StableDiffusionPipeline}[family]
    check_picture(base, lora, with_added(base, read_by_diffusers(kind, lora), tmp_path / "merged"))


@pytest.mark.parametrize(
    ("names", "way"),
    [
        ([name.replace(".", "_") for name in of_makers("lora_unet_", 19, 38)], KOHYA),
        (of_makers(COMFY, 19, 38), KOHYA),
        (of_xlabs("", 19, 38), PROCESSORS),
        ([*of_makers("base_model.model.", 19, 38), "base_model.model.final_layer.linear"], PEFT),
    ],
)
def test_every_layer_of_the_real_flux_is_what_diffusers_reads(names: list[str], way: tuple[str, str]) -> None:
    """As many blocks and as wide, with matrices of rank 1."""
    with torch.device("meta"):
        network = diffusers.FluxTransformer2DModel(guidance_embeds=True)
    layers = {
        ("transformer", name): tuple(module.weight.shape)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
    }
    known, tensors = spelled(layers, 0), {}
    for name in names:
        outputs, inputs = whole(known[name], layers)
        tensors[f"{name}.{way[0]}.weight"] = torch.randn(1, inputs)
        tensors[f"{name}.{way[1]}.weight"] = torch.randn(outputs, 1)
    lora = read_lora({name: ("F32", tuple(tensor.shape)) for name, tensor in tensors.items()}, {})
    found: Tensors = {}
    for (part, layer), fit in fitted(lora, layers, 0).items():
        assert fit.scaling == 1
        rows = [tensors[fit.change.up][begin:end] for begin, end in fit.rows or ((0, None),)]
        found |= {f"{part}.{layer}.lora_A.weight": tensors[fit.change.down]}
        found |= {f"{part}.{layer}.lora_B.weight": torch.cat(rows)}
    expected = diffusers.FluxPipeline.lora_state_dict(dict(tensors))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(
    ("family", "pairs"),
    [
        (
            "stable-diffusion-xl",
            {
                "input_blocks.3.1.proj_in": "lora_unet_input_blocks_3_1_proj_in",
                "middle_block.0.in_layers.2": "lora_unet_middle_block_0_in_layers_2",
                "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc2":
                    "lora_te1_text_model_encoder_layers_0_mlp_fc2",
                "text_encoders.clip_g.transformer.text_model.encoder.layers.1.self_attn.out_proj":
                    "lora_te2_text_model_encoder_layers_1_self_attn_out_proj",
            },
        ),
        (
            "stable-diffusion-3",
            {
                "joint_blocks.0.x_block.attn.qkv": "lora_unet_joint_blocks_0_x_block_attn_qkv",
                "final_layer.adaLN_modulation.1": "lora_unet_final_layer_adaLN_modulation_1",
                "text_encoders.clip_g.transformer.text_model.encoder.layers.1.mlp.fc1":
                    "lora_te2_text_model_encoder_layers_1_mlp_fc1",
                "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q":
                    "lora_te3_encoder_block_0_layer_0_SelfAttention_q",
            },
        ),
        (
            "flux",
            {
                "single_blocks.0.linear1": "lora_unet_single_blocks_0_linear1",
                "single_blocks.0.modulation.lin": "lora_unet_single_blocks_0_modulation_lin",
                "double_blocks.0.img_mlp.0": "lora_unet_double_blocks_0_img_mlp_0",
                "final_layer.linear": "lora_unet_final_layer_linear",
                "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q":
                    "lora_te2_encoder_block_0_layer_0_SelfAttention_q",
            },
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", [KOHYA, PEFT])
def test_comfyuis_names_draw_what_kohyas_do(
    pipelines: dict[str, Path], tmp_path: Path, family: str, pairs: dict[str, str], way: tuple[str, str]
) -> None:
    """diffusers knows these of Flux alone, without its T5, which it leaves out."""
    names = [name if name.startswith("text_encoders.") else COMFY + name for name in pairs]
    folders = {
        "comfy": write_lora(tmp_path / "comfy", pipelines[family], names, way, alpha=2.0),
        "kohya": write_lora(tmp_path / "kohya", pipelines[family], pairs.values(), KOHYA, alpha=2.0),
    }
    with started_engines() as start:
        engine = start({family: pipelines[family], **folders})
        pictures = [
            draw(engine, family, params(), name, adapter=AdapterRef(name, family)).picture() for name in folders
        ]
        base = draw(engine, family, params(), "base").picture()
    assert far_apart(*pictures) == 0
    assert far_apart(pictures[0], base) > CLEARLY


@pytest.mark.parametrize(
    ("family", "parts", "trained"),
    [
        ("stable-diffusion", ("unet", "text_encoder"), {"rank_pattern": {"to_q": 2, "mlp.fc1": 3}}),
        ("stable-diffusion", ("text_encoder",), {"alpha_pattern": {"text_model.encoder.layers.0.mlp.fc2": 40}}),
        ("stable-diffusion-xl", ("unet", "text_encoder", "text_encoder_2"), {"use_rslora": True}),
        ("stable-diffusion-3", ("transformer", "text_encoder_2", "text_encoder_3"), {}),
        ("flux", ("transformer", "text_encoder", "text_encoder_2"), {"lora_alpha": 5}),
    ],
)
def test_pefts_folders_of_parts(
    pipelines: dict[str, Path], tmp_path: Path, family: str, parts: tuple[str, ...], trained: dict[str, Any]
) -> None:
    base = pipelines[family]
    lora, added = make_parts(tmp_path / "lora", base, parts, **trained)
    facts = check_adapter(lora)
    expected = {f"{part}/{name}" for part in parts for name in (CONFIG, WEIGHTS)} | {"README.md"}
    assert set(facts.files) == expected
    assert facts.base_name == str(base)
    check_picture(base, lora, with_added(base, added, tmp_path / "merged"))


def test_who_draws_beside_them_does_not_notice(pipelines: dict[str, Path], tmp_path: Path) -> None:
    base = pipelines["flux"]
    folders = {
        "xlabs": write_lora(tmp_path / "xlabs", base, of_xlabs("", 1, 1), PROCESSORS),
        "parts": make_parts(tmp_path / "parts", base, ("transformer", "text_encoder"))[0],
    }
    bench, refs = Bench(base, FolderSource(**folders)), [AdapterRef(name, "flux") for name in folders]
    for ref in refs:
        bench.draw(params(), adapter=ref)
    beside = bench.after_a_step(params(), *((params(seed=2), ref) for ref in refs))
    alike = bench.after_a_step(params(), params(seed=2), params(seed=2))
    assert torch.equal(beside[0], alike[0])
    assert not torch.equal(beside[1], alike[1])
    assert not torch.equal(beside[2], alike[2])
    assert not torch.equal(beside[1], beside[2])


def in_part(part: str, damage: Damage) -> Damage:
    return lambda folder: damage(folder / part)


QUERY = "base_model.model.text_model.encoder.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (in_part("text_encoder", told(use_dora=True)), "In “text_encoder”: It is a DoRA adapter"),
        (in_part("text_encoder", told(modules_to_save=["x"])), "modules_to_save"),
        (in_part("text_encoder", put(f"{QUERY}.lora_magnitude_vector", 16)), f"“{QUERY}.lora_magnitude_vector”"),
        (in_part("text_encoder", put(f"{QUERY}.lora_A.weight", 3, 32)), "don't go together"),
        (in_part("text_encoder", lambda folder: (folder / CONFIG).unlink()), f"“text_encoder/{WEIGHTS}”"),
        (in_part("text_encoder", lambda folder: (folder / WEIGHTS).unlink()), f"“text_encoder/{WEIGHTS}” of the adapt"),
        (
            in_part("text_encoder", lambda folder: (folder / WEIGHTS).rename(folder / "a.safetensors")),
            "“text_encoder/a.sa",
        ),
        (lambda folder: (folder / "text_encoder" / WEIGHTS).rename(folder / "a.safetensors"), "“a.safetensors” of the"),
        (lambda folder: (folder / "unet" / "old.bin").write_bytes(b"x"), "unet/old.bin may hold pickled"),
        (
            lambda folder: [(folder / "unet" / name).rename(folder / name) for name in (CONFIG, WEIGHTS)],
            "parts of an adapter beside adapter_config.json: text_encoder",
        ),
    ],
)
def test_parts_that_are_refused(pipelines: dict[str, Path], tmp_path: Path, damage: Damage, words: str) -> None:
    lora, _ = make_parts(tmp_path / "lora", pipelines["stable-diffusion"], ("unet", "text_encoder"))
    check_adapter(lora)
    damage(lora)
    assert is_adapter(lora)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_adapter(lora)


QKV = "double_blocks.0.processor.qkv_lora1"


def renamed(name: str, other: str) -> Callable[[Tensors], Any]:
    return lambda found: found.update({other: found.pop(name)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.update({"double_blocks.0.img_attn.norm.query_norm.scale": torch.ones(16)}), "norm.scale”"),
        (renamed(f"{QKV}.down.weight", f"{QKV}.mid.weight"), f"“{QKV}.mid.weight”"),
        (renamed(f"{QKV}.down.weight", f"{QKV}.diff_b"), f"“{QKV}.diff_b”"),
        (lambda found: found.pop(f"{QKV}.down.weight"), f"of “{QKV}” only one matrix"),
        (lambda found: found.update({f"{QKV}.up.weight": torch.ones(96, 5)}), f"“{QKV}” don't go together"),
    ],
)
def test_files_of_xlabs_that_are_refused(
    pipelines: dict[str, Path], tmp_path: Path, change: Callable[[Tensors], Any], words: str
) -> None:
    lora = write_lora(tmp_path / "lora", pipelines["flux"], of_xlabs("", 1, 1), PROCESSORS)
    change_lora(lora, change)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_adapter(lora)


@pytest.mark.parametrize(
    ("name", "outputs", "words"),
    [
        (QKV, 95, f"“{QKV}” are 96 × 32, the adapter's 95 × 32"),
        ("double_blocks.1.processor.qkv_lora1", 96, "no “double_blocks.1.processor.qkv_lora1”"),
        ("double_blocks.0.processor.qkv_lora", 96, "no “double_blocks.0.processor.qkv_lora”"),
        ("diffusion_model.double_blocks.0.img_attn.qkv", 96, "twice, under two names"),
    ],
)
def test_files_of_xlabs_for_another_base(
    pipelines: dict[str, Path], tmp_path: Path, name: str, outputs: int, words: str
) -> None:
    lora = write_lora(tmp_path / "lora", pipelines["flux"], of_xlabs("", 1, 1), PROCESSORS)
    way = PROCESSORS if "processor" in name else PEFT
    pair = {f"{name}.{way[0]}.weight": torch.ones(4, 32), f"{name}.{way[1]}.weight": torch.ones(outputs, 4)}
    change_lora(lora, lambda found: found.update(pair))
    with pytest.raises(StoreError, match=re.escape(words)):
        check_fits(check_adapter(lora), pipelines["flux"])


def test_settings_that_name_other_layers_than_the_tensors(pipelines: dict[str, Path], tmp_path: Path) -> None:
    """Nothing would find its strength there."""
    settings = {"unet.peft_type": "LORA", "unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 2}}
    base = pipelines["stable-diffusion"]
    lora = make_lora(tmp_path / "lora", base, parts=["unet"], write=by_kohya, settings=settings)
    with pytest.raises(StoreError, match="settings and its tensors have different names"):
        check_fits(check_adapter(lora), base)
