"""A U-Net's layers as the first Stable Diffusion programs called them (`input_blocks.4.1…`), which kohya's files for
Stable Diffusion XL still do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OUTSIDE = {
    "conv_in": "input_blocks.0.0", "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
}  # fmt: skip
RESNET = {
    "conv1": "in_layers.2", "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
INSIDE = re.compile(r"(?P<way>down|up)_blocks\.(?P<block>\d+)\.(?P<kind>\w+)\.(?P<place>\d+)\.(?P<rest>.+)")
MIDDLE = re.compile(r"mid_block\.(?P<kind>\w+)\.(?P<place>\d+)\.(?P<rest>.+)")


def per_block_of(config: Mapping[str, Any]) -> int:
    """ResNets in a down block of the network with this config; 0 where it has no such blocks, or unequal ones."""
    found = config.get("layers_per_block", 2)
    return found if isinstance(found, int) else 0


def block_names(name: str, per_block: int) -> tuple[str, ...]:
    """name: diffusers'. per_block: ResNets in a down block; an up block has one more."""
    if name in OUTSIDE:
        return (OUTSIDE[name],)
    if found := MIDDLE.fullmatch(name):
        place = 2 * int(found["place"]) if found["kind"] == "resnets" else 1
        return (f"middle_block.{place}.{_rest(found['kind'], found['rest'])}",)
    if (found := INSIDE.fullmatch(name)) is None:
        return ()
    size, block, kind = per_block + 1, int(found["block"]), found["kind"]
    if kind == "downsamplers":
        return (f"input_blocks.{(block + 1) * size}.0.op",)
    if kind == "upsamplers":  # after the attention, where its block has any
        return tuple(f"output_blocks.{block * size + per_block}.{after}.conv" for after in (1, 2))
    place = block * size + int(found["place"])
    blocks = f"input_blocks.{place + 1}" if found["way"] == "down" else f"output_blocks.{place}"
    return (f"{blocks}.{1 if kind == 'attentions' else 0}.{_rest(kind, found['rest'])}",)


def _rest(kind: str, rest: str) -> str:
    return RESNET.get(rest, rest) if kind == "resnets" else rest
