"""What files of adapters call the layers of a pipeline. Each way of writing is made from the base's own names, so that
nothing is guessed from a file: diffusers' names, PEFT's, kohya's with underscores, and those with the blocks of the
first Stable Diffusion programs (see `blocks`) or of the makers of Flux and Stable Diffusion 3 (see `originals`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.adapters.pictures.blocks import block_names
from engine.adapters.pictures.layers import Layer, Shape, Share
from engine.adapters.pictures.originals import is_flux, original_names

SHORT = {
    "unet": ("unet",), "transformer": ("transformer",),
    "text_encoder": ("te", "te1"), "text_encoder_2": ("te2",), "text_encoder_3": ("te3",),
}  # fmt: skip
"""As kohya's names begin, after `lora_`."""
FLUX_T5 = ("text_encoder_2", "te3")
"""There kohya's newer files count as for Stable Diffusion 3, of which Flux lacks the second."""
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
    found = {written: (Share((part, name)),) for part, name in layers for written in _names(part, name, per_block)} | {
        _kohya("unet", written): shares for written, shares in original_names(layers)
    }
    if is_flux(layers):
        part, short = FLUX_T5
        found |= {_kohya(short, name): (Share((part, name)),) for own, name in layers if own == part}
    return found


def _names(part: str, name: str, per_block: int) -> Iterator[str]:
    roots = ("", CLIP_ROOT) if part.startswith("text_encoder") else ("",)
    blocks = block_names(name, per_block) if part == "unet" and per_block else ()
    if part in NETWORKS:
        yield PEFT + name
    for root in roots:
        yield f"{part}.{root}{name}"
    for short in SHORT.get(part, ()):
        for written in (*(root + name for root in roots), *blocks):
            yield _kohya(short, written)


def _kohya(short: str, name: str) -> str:
    return f"lora_{short}_{name.replace('.', '_')}"
