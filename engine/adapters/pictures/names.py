"""What files of adapters call the layers of a pipeline. Each way of writing is made from the base's own names, so that
nothing is guessed from a file: diffusers' names, PEFT's, kohya's with underscores, ComfyUI's, and those with the blocks
of the first Stable Diffusion programs (see `blocks`) or of the makers of Flux and Stable Diffusion 3 (see `originals`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.adapters.pictures.blocks import block_names
from engine.adapters.pictures.layers import Layer, Shape, Share
from engine.adapters.pictures.originals import is_flux, original_names, xlabs_names

SHORT = {
    "unet": ("unet",), "transformer": ("transformer",),
    "text_encoder": ("te", "te1"), "text_encoder_2": ("te2",), "text_encoder_3": ("te3",),
}  # fmt: skip
"""As kohya's names begin, after `lora_`."""
PARTS = tuple(SHORT)
"""Of a pipeline, those that an adapter may change."""
FLUX_T5 = ("text_encoder_2", "te3")
"""There kohya's newer files count as for Stable Diffusion 3, of which Flux lacks the second."""
COMFY = {"text_encoder": "clip_l", "text_encoder_2": "clip_g", "text_encoder_3": "t5xxl"}
"""What ComfyUI calls the text encoders, after `text_encoders.`; Flux's second is the third of others."""
NETWORK_OF_COMFY = "diffusion_model."
OF_PROCESSORS = re.compile(r"(?P<attention>.+\.attn[12])\.(?P<what>to_[qkv]|to_out)(?:\.0)?")
OF_CLIP = re.compile(r"(?P<attention>.+\.self_attn)\.(?P<what>q|k|v|out)_proj")
"""Layers that the first adapters of diffusers had names of their own for."""
NETWORKS = ("unet", "transformer")
PEFT = "base_model.model."
"""Before the names of the network's layers in PEFT's files."""
CLIP_ROOT = "text_model."
"""Before the names of layers of CLIP's text encoders in most files, and in memory with some transformers."""


def own_name(part: str, name: str) -> str:
    """The layer's name here, whether or not a file or a library puts CLIP's root before it."""
    return name.removeprefix(CLIP_ROOT) if part.startswith("text_encoder") else name


def spelled(layers: Mapping[Layer, Shape], per_block: int) -> dict[str, tuple[Share, ...]]:
    """What each name stands for. per_block: ResNets in a down block of the U-Net; 0: it has no such blocks."""
    found: dict[str, tuple[Share, ...]] = {
        written: (Share((part, name)),) for part, name in layers for written in _names(part, name, per_block)
    }
    found |= {_comfy(part, name, layers): (Share((part, name)),) for part, name in layers if part in COMFY}
    for original, shares in original_names(layers):
        found |= dict.fromkeys((_kohya("unet", original), NETWORK_OF_COMFY + original, PEFT + original), shares)
    for original, shares in xlabs_names(layers):
        found |= dict.fromkeys((original, NETWORK_OF_COMFY + original), shares)
    if is_flux(layers):
        part, short = FLUX_T5
        found |= {_kohya(short, name): (Share((part, name)),) for own, name in layers if own == part}
    return found


def _names(part: str, name: str, per_block: int) -> Iterator[str]:
    roots = ("", CLIP_ROOT) if part.startswith("text_encoder") else ("",)
    blocks = block_names(name, per_block) if part == "unet" and per_block else ()
    if part in NETWORKS:
        yield PEFT + name
    for block in blocks:
        yield NETWORK_OF_COMFY + block
    for root in roots:
        for written in (name, *_of_attention(name)):
            yield f"{part}.{root}{written}"
    for short in SHORT.get(part, ()):
        for written in (*(root + name for root in roots), *blocks):
            yield _kohya(short, written)


def _of_attention(name: str) -> Iterator[str]:
    """What diffusers called the layer while its adapters sat in the attention's processor."""
    if found := OF_PROCESSORS.fullmatch(name):
        yield f"{found['attention']}.processor.{found['what']}_lora"
    if found := OF_CLIP.fullmatch(name):
        yield f"{found['attention']}.to_{found['what']}_lora"


def _comfy(part: str, name: str, layers: Mapping[Layer, Shape]) -> str:
    encoder = COMFY["text_encoder_3" if is_flux(layers) and part == FLUX_T5[0] else part]
    root = "" if encoder == COMFY["text_encoder_3"] else CLIP_ROOT
    return f"text_encoders.{encoder}.transformer.{root}{name}"


def _kohya(short: str, name: str) -> str:
    return f"lora_{short}_{name.replace('.', '_')}"
