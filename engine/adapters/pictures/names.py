"""What files of adapters call the layers of a pipeline. Each way of writing is made from the base's own names, so that
nothing is guessed from a file: diffusers' names, kohya's with underscores, and those with the blocks of the first
Stable Diffusion programs (see `blocks`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.adapters.pictures.blocks import block_names

Layer = tuple[str, str]
"""The part of the pipeline, as model_index.json calls it, and the name of the layer in it."""
SHORT = {
    "unet": ("unet",), "transformer": ("transformer",),
    "text_encoder": ("te", "te1"), "text_encoder_2": ("te2",), "text_encoder_3": ("te3",),
}  # fmt: skip
"""As kohya's names begin, after `lora_`."""
CLIP_ROOT = "text_model."
"""Before the names of layers of CLIP's text encoders in most files, and in memory with some transformers."""


def own_name(part: str, name: str) -> str:
    """The layer's name here, whether or not a file or a library puts CLIP's root before it."""
    return name.removeprefix(CLIP_ROOT) if part.startswith("text_encoder") else name


def spelled(layers: Iterable[Layer], per_block: int) -> dict[str, Layer]:
    """The layer by each of its names. per_block: ResNets in a down block of the U-Net; 0: it has no such blocks."""
    return {written: (part, name) for part, name in layers for written in _names(part, name, per_block)}


def _names(part: str, name: str, per_block: int) -> Iterator[str]:
    roots = ("", CLIP_ROOT) if part.startswith("text_encoder") else ("",)
    blocks = block_names(name, per_block) if part == "unet" and per_block else ()
    for root in roots:
        yield f"{part}.{root}{name}"
    for short in SHORT.get(part, ()):
        for written in (*(root + name for root in roots), *blocks):
            yield f"lora_{short}_{written.replace('.', '_')}"
