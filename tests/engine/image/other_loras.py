"""LoRA adapters of pictures in the ways of writing that need more than other names, and what they amount to: PEFT's
folders, and kohya's files with the names of Flux's and Stable Diffusion 3's makers, a part of which is written out."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.adapters import CONFIG, WEIGHTS
from tests.engine.image.loras import FILE, Layer, Tensors, base_layers

Places = list[tuple[int, int]]
"""Of the rows of a matrix in the file, in the order in which a layer has them."""
Pieces = dict[str, dict[Layer, Places]]
"""By the name in the file: what it says of which layer."""
DOUBLE, SINGLE, WIDTH = "transformer_blocks.0", "single_transformer_blocks.0", 32


def network(*pieces: tuple[str, Places]) -> dict[Layer, Places]:
    return {("transformer", name): places for name, places in pieces}


def below(*names: str, last: int = WIDTH) -> dict[Layer, Places]:
    """One below the other."""
    sizes = [WIDTH] * (len(names) - 1) + [last]
    begins = [sum(sizes[:place]) for place in range(len(names))]
    return network(*((name, [(at, at + size)]) for name, at, size in zip(names, begins, sizes, strict=True)))


def turned(name: str) -> dict[Layer, Places]:
    return network((name, [(WIDTH, 2 * WIDTH), (0, WIDTH)]))


FLUX: Pieces = {
    "lora_unet_double_blocks_0_img_attn_qkv": below(*(f"{DOUBLE}.attn.to_{one}" for one in "qkv")),
    "lora_unet_double_blocks_0_txt_attn_qkv": below(*(f"{DOUBLE}.attn.add_{one}_proj" for one in "qkv")),
    "lora_unet_double_blocks_0_img_mod_lin": network((f"{DOUBLE}.norm1.linear", [(0, 6 * WIDTH)])),
    "lora_unet_double_blocks_0_txt_mlp_2": network((f"{DOUBLE}.ff_context.net.2", [(0, WIDTH)])),
    "lora_unet_single_blocks_0_linear1": below(
        *(f"{SINGLE}.attn.to_{one}" for one in "qkv"), f"{SINGLE}.proj_mlp", last=4 * WIDTH
    ),
    "lora_unet_single_blocks_0_linear2": network((f"{SINGLE}.proj_out", [(0, WIDTH)])),
    "lora_unet_final_layer_adaLN_modulation_1": turned("norm_out.linear"),
    "lora_te1_text_model_encoder_layers_0_mlp_fc1": {("text_encoder", "encoder.layers.0.mlp.fc1"): [(0, 64)]},
    "lora_te3_encoder_block_0_layer_0_SelfAttention_q": {
        ("text_encoder_2", "encoder.block.0.layer.0.SelfAttention.q"): [(0, 32)]
    },
}
THREE: Pieces = {
    "lora_unet_joint_blocks_0_x_block_attn_qkv": below(*(f"{DOUBLE}.attn.to_{one}" for one in "qkv")),
    "lora_unet_joint_blocks_0_context_block_attn_qkv": below(*(f"{DOUBLE}.attn.add_{one}_proj" for one in "qkv")),
    "lora_unet_joint_blocks_0_x_block_attn_proj": network((f"{DOUBLE}.attn.to_out.0", [(0, WIDTH)])),
    "lora_unet_joint_blocks_0_x_block_mlp_fc1": network((f"{DOUBLE}.ff.net.0.proj", [(0, 4 * WIDTH)])),
    "lora_unet_joint_blocks_0_context_block_adaLN_modulation_1": turned(f"{DOUBLE}.norm1_context.linear"),
    "lora_unet_x_embedder_proj": network(("pos_embed.proj", [(0, WIDTH)])),
    "lora_te2_text_model_encoder_layers_1_self_attn_k_proj": {
        ("text_encoder_2", "encoder.layers.1.self_attn.k_proj"): [(0, 32)]
    },
    "lora_te3_encoder_block_1_layer_0_SelfAttention_v": {
        ("text_encoder_3", "encoder.block.1.layer.0.SelfAttention.v"): [(0, 32)]
    },
}
BY_MAKERS = {"flux": FLUX, "stable-diffusion-3": THREE}


def make_original(folder: Path, base: Path, family: str, *, rank: int = 6, alpha: float = 24.0) -> tuple[Path, Tensors]:
    """The folder, and by the name of a tensor of the base what is to be added to it."""
    generator, shapes = torch.Generator().manual_seed(1), base_layers(base)
    tensors: Tensors = {}
    added: Tensors = {}
    for name, pieces in BY_MAKERS[family].items():
        _, inputs, *kernel = shapes[next(iter(pieces))]
        outputs = sum(end - begin for places in pieces.values() for begin, end in places)
        down, up = halves(outputs, inputs, kernel, rank, generator)
        tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
        tensors[f"{name}.alpha"] = torch.tensor(alpha)
        for layer, places in pieces.items():
            rows = torch.cat([up[begin:end] for begin, end in places])
            added["/".join(layer)] = product(rows, down) * (alpha / rank)
    folder.mkdir(parents=True)
    save_file(tensors, folder / FILE, metadata={"ss_network_module": "networks.lora"})
    return folder, added


def make_peft(folder: Path, base: Path, part: str, *, root: str = "", **settings: Any) -> tuple[Path, Tensors]:
    """For all linear layers and convolutions of this part. root: before their names. settings: of adapter_config.json.
    As `make_original`."""
    told: dict[str, Any] = {
        "peft_type": "LORA", "base_model_name_or_path": str(base), "r": 4, "lora_alpha": 8, "bias": "none",
        "target_modules": ["to_q"], "task_type": None, "lora_dropout": 0.0, "use_dora": False, "use_rslora": False,
        "modules_to_save": None, "init_lora_weights": "gaussian", "rank_pattern": {}, "alpha_pattern": {},
        "auto_mapping": {"base_model_class": "Network", "parent_library": "diffusers"},
    } | settings  # fmt: skip
    generator = torch.Generator().manual_seed(2)
    tensors: Tensors = {}
    added: Tensors = {}
    for layer, (outputs, inputs, *kernel) in sorted(base_layers(base, [part]).items()):
        rank, alpha = (
            next((value for end, value in told[pattern].items() if (root + layer[1]).endswith(end)), told[otherwise])
            for pattern, otherwise in (("rank_pattern", "r"), ("alpha_pattern", "lora_alpha"))
        )
        down, up = halves(outputs, inputs, kernel, rank, generator)
        name = f"base_model.model.{root}{layer[1]}"
        tensors |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
        added["/".join(layer)] = product(up, down) * (alpha / (math.sqrt(rank) if told["use_rslora"] else rank))
    folder.mkdir(parents=True)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(told))
    return folder, added


def make_parts(folder: Path, base: Path, parts: Iterable[str], **settings: Any) -> tuple[Path, Tensors]:
    """PEFT's folders of these parts in one. As `make_peft`."""
    added: Tensors = {}
    for part in parts:
        root = "text_model." if part == "text_encoder" else ""
        added |= make_peft(folder / part, base, part, root=root, **settings)[1]
        (folder / part / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A style\n")
    return folder, added


def halves(outputs: int, inputs: int, kernel: list[int], rank: int, generator: torch.Generator) -> list[torch.Tensor]:
    spread = 0.3 / math.sqrt(inputs * math.prod(kernel))
    down = torch.randn(rank, inputs, *kernel, generator=generator) * spread
    return [down, torch.randn(outputs, rank, *[1 for _ in kernel], generator=generator) * 0.5]


def product(up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    return (up.double().flatten(1) @ down.double().flatten(1)).view(len(up), *down.shape[1:])


def with_added(base: Path, added: Tensors, target: Path) -> Path:
    """A copy of `base` with this added to its weights; every piece has its place."""
    shutil.copytree(base, target)
    left = dict(added)
    for part in {name.partition("/")[0] for name in added}:
        for file in (target / part).glob("*.safetensors"):
            weights = load_file(file)
            for name, weight in weights.items():
                layer = f"{part}/{name.removesuffix('.weight').removeprefix('text_model.')}"
                if name.endswith(".weight") and layer in left:
                    weights[name] = (weight.double() + left.pop(layer)).float()
            save_file(weights, file, metadata={"format": "pt"})
    assert not left
    return target
