"""The layers of Flux and of Stable Diffusion 3 as their makers call them (`double_blocks.4.img_attn.qkv`), in the files
of kohya's scripts, ComfyUI and fal, and those of Flux as XLabs does. What is one matrix there is several layers here.

The names, their order in a matrix, and what is turned round are those by which diffusers converts whole checkpoints; a
test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.adapters.pictures.layers import Layer, Shape, Share

PART = "transformer"
Table = dict[str, tuple[str, ...]]
"""By the makers' name: the layers, in the order of the matrix's outputs."""
QKV, ADDED = ("attn.to_q", "attn.to_k", "attn.to_v"), ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
END: Table = {"final_layer.linear": ("proj_out",), "final_layer.adaLN_modulation.1": ("norm_out.linear",)}
FLUX: Mapping[str, tuple[str, Table]] = {
    "": ("", END | {
        "img_in": ("x_embedder",), "txt_in": ("context_embedder",),
        "time_in.in_layer": ("time_text_embed.timestep_embedder.linear_1",),
        "time_in.out_layer": ("time_text_embed.timestep_embedder.linear_2",),
        "vector_in.in_layer": ("time_text_embed.text_embedder.linear_1",),
        "vector_in.out_layer": ("time_text_embed.text_embedder.linear_2",),
        "guidance_in.in_layer": ("time_text_embed.guidance_embedder.linear_1",),
        "guidance_in.out_layer": ("time_text_embed.guidance_embedder.linear_2",),
    }),
    "transformer_blocks.": ("double_blocks.", {
        "img_attn.qkv": QKV, "img_attn.proj": ("attn.to_out.0",), "img_mod.lin": ("norm1.linear",),
        "img_mlp.0": ("ff.net.0.proj",), "img_mlp.2": ("ff.net.2",),
        "txt_attn.qkv": ADDED, "txt_attn.proj": ("attn.to_add_out",), "txt_mod.lin": ("norm1_context.linear",),
        "txt_mlp.0": ("ff_context.net.0.proj",), "txt_mlp.2": ("ff_context.net.2",),
    }),
    "single_transformer_blocks.": ("single_blocks.", {
        "linear1": (*QKV, "proj_mlp"), "linear2": ("proj_out",), "modulation.lin": ("norm.linear",),
    }),
}  # fmt: skip
STABLE_DIFFUSION_3: Mapping[str, tuple[str, Table]] = {
    "": ("", END | {
        "x_embedder.proj": ("pos_embed.proj",), "context_embedder": ("context_embedder",),
        "t_embedder.mlp.0": ("time_text_embed.timestep_embedder.linear_1",),
        "t_embedder.mlp.2": ("time_text_embed.timestep_embedder.linear_2",),
        "y_embedder.mlp.0": ("time_text_embed.text_embedder.linear_1",),
        "y_embedder.mlp.2": ("time_text_embed.text_embedder.linear_2",),
    }),
    "transformer_blocks.": ("joint_blocks.", {
        "x_block.attn.qkv": QKV, "x_block.attn.proj": ("attn.to_out.0",),
        "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"), "x_block.attn2.proj": ("attn2.to_out.0",),
        "x_block.adaLN_modulation.1": ("norm1.linear",),
        "x_block.mlp.fc1": ("ff.net.0.proj",), "x_block.mlp.fc2": ("ff.net.2",),
        "context_block.attn.qkv": ADDED, "context_block.attn.proj": ("attn.to_add_out",),
        "context_block.adaLN_modulation.1": ("norm1_context.linear",),
        "context_block.mlp.fc1": ("ff_context.net.0.proj",), "context_block.mlp.fc2": ("ff_context.net.2",),
    }),
}  # fmt: skip
XLABS: Mapping[str, tuple[str, Table]] = {
    "transformer_blocks.": ("double_blocks.", {
        "processor.qkv_lora1": QKV, "processor.proj_lora1": ("attn.to_out.0",),
        "processor.qkv_lora2": ADDED, "processor.proj_lora2": ("attn.to_add_out",),
    }),
    "single_transformer_blocks.": ("single_blocks.", {"processor.qkv_lora": QKV, "processor.proj_lora": ("proj_out",)}),
}  # fmt: skip
"""Of each block two matrices beside the attention, 1 for the picture and 2 for the prompt. The one for Q, K and V of a
single block leaves the MLP out, which has the same matrix in the base."""
ROOTS = ("double_blocks.", "single_blocks.", "final_layer.")
"""How the names begin that fal's files have: Flux's, by its makers."""
ONLY_FLUX, ONLY_3 = re.compile(r"single_transformer_blocks\.\d+\.proj_mlp"), "pos_embed.proj"
"""Layers by which the two networks are told from each other and from all others."""
TURNED = ("norm_out.linear", "norm1_context.linear")
"""Where these make a shift and a scale and nothing else, diffusers has the scale first, the makers the shift."""


def is_flux(layers: Mapping[Layer, Shape]) -> bool:
    return any(part == PART and ONLY_FLUX.fullmatch(name) for part, name in layers)


def original_names(layers: Mapping[Layer, Shape]) -> Iterator[tuple[str, tuple[Share, ...]]]:
    """What each of the makers' names stands for in this network; nothing where it is another one."""
    if is_flux(layers):
        tables = FLUX
    elif (PART, ONLY_3) in layers:
        tables = STABLE_DIFFUSION_3
    else:
        return
    yield from _written(tables, layers)


def xlabs_names(layers: Mapping[Layer, Shape]) -> Iterator[tuple[str, tuple[Share, ...]]]:
    """What each of XLabs' names stands for in this network; nothing where it isn't Flux."""
    if is_flux(layers):
        yield from _written(XLABS, layers)


def _written(
    tables: Mapping[str, tuple[str, Table]], layers: Mapping[Layer, Shape]
) -> Iterator[tuple[str, tuple[Share, ...]]]:
    names = {name for part, name in layers if part == PART}
    for root, (original, table) in tables.items():
        for block in _blocks(names, root):
            for written, own in table.items():
                found = [f"{root}{block}{name}" for name in own]
                if names.issuperset(found):
                    yield f"{original}{block}{written}", _shares(found, layers)


def _blocks(names: set[str], root: str) -> set[str]:
    """The numbers after this root, each with its point; of no root one that is empty."""
    if not root:
        return {""}
    return {f"{name.removeprefix(root).partition('.')[0]}." for name in names if name.startswith(root)}


def _shares(names: list[str], layers: Mapping[Layer, Shape]) -> tuple[Share, ...]:
    if len(names) == 1:
        return (_alone(names[0], layers[PART, names[0]]),)
    shares, begin = [], 0
    for name in names:
        end = begin + layers[PART, name][0]
        shares.append(Share((PART, name), ((begin, end),)))
        begin = end
    return tuple(shares)


def _alone(name: str, shape: Shape) -> Share:
    outputs, inputs = shape[:2]
    if name.endswith(TURNED) and outputs == 2 * inputs:
        return Share((PART, name), ((inputs, outputs), (0, inputs)))
    return Share((PART, name))
