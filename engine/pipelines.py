"""What the folder of a diffusers pipeline says of itself. No torch, no diffusers.

A folder is told by its model_index.json, which names a class for each part. It is untrusted input: only the classes
of `engine.pipeline_kinds` are ever looked up, whatever it names. See docs/decisions/0017-pictures.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path, PurePosixPath
from typing import Any

from engine.architectures import UnsupportedModel, read_object, refuse_code
from engine.image.schedulers import DEFAULT, names_for
from engine.pipeline_kinds import PIPELINES, WHOLE, PipelineKind
from engine.types import ImageFacts

INDEX = "model_index.json"
Z_IMAGE_TURBO_SHIFT = 3.0
"""Of its scheduler, where Z-Image itself has 6."""
LCM_STEPS = 50
"""Of the scheduler for consistency models, where its config doesn't say."""
IGNORED = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
"""Parts that are never loaded: what they do (a filter, picture prompts) isn't part of making the picture."""


@dataclass(frozen=True, slots=True)
class PipelineFolder:
    """A checked model_index.json."""

    kind: PipelineKind
    parts: Mapping[str, str]
    """The class of each part to load."""
    settings: Mapping[str, bool]
    facts: ImageFacts


def is_pipeline(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def is_whole(folder: Path) -> bool:
    """Whether the compatible lane serves it: a folder that can't be read is for the reader to refuse."""
    try:
        return read_object(folder, INDEX).get("_class_name") in WHOLE
    except (UnsupportedModel, OSError, TypeError):
        return False


def read_pipeline(folder: Path) -> PipelineFolder:
    """Raises UnsupportedModel with a whole sentence, or OSError."""
    index = read_object(folder, INDEX)
    refuse_code(index)
    named = index.get("_class_name")
    kind = PIPELINES.get(named) if isinstance(named, str) else None
    if kind is None:
        known = _list({kind.pipeline for kind in PIPELINES.values()})
        raise UnsupportedModel(f"The pipeline {named!s:.80} isn't supported; these are: {known}.")
    parts = dict(_parts(index, kind))
    for part in parts:
        if "tokenizer" not in part:
            refuse_code(read_object(folder, config_of(part)))
    settings = {name: index.get(name) is True for name in sorted(kind.settings)}
    return PipelineFolder(kind, parts, settings, _facts(folder, kind, parts, settings))


def config_of(part: str) -> str:
    return f"{part}/{'scheduler_config' if part == 'scheduler' else 'config'}.json"


def is_variant(path: str) -> bool:
    """Whether a file holds the same weights in another number format: `….fp16.safetensors`."""
    name = PurePosixPath(path).name
    return ".safetensors" in name and "." in name.removesuffix(".json").replace(".index", "").replace(
        ".safetensors", ""
    )


def _parts(index: Mapping[str, Any], kind: PipelineKind) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for part, told in index.items():
        if part.startswith("_") or part in IGNORED or not isinstance(told, list):
            continue
        if told == [None, None]:
            continue
        library, name = (*told, None, None)[:2]
        if part not in kind.parts:
            raise UnsupportedModel(f"{INDEX} names a part “{part[:40]}”, which a {kind.family} pipeline doesn't have.")
        expected = "transformers" if part.startswith(("text_encoder", "tokenizer")) else "diffusers"
        if library != expected or not isinstance(name, str) or name not in kind.parts[part]:
            raise UnsupportedModel(
                f"{INDEX} wants {library!s:.60}.{name!s:.60} as {part}; allowed are: {_list(kind.parts[part])}."
            )
        found.append((part, name))
    missing = set(kind.parts) - kind.optional - {part for part, _ in found}
    if missing:
        raise UnsupportedModel(f"{INDEX} doesn't name the {sorted(missing)[0]}, which a {kind.family} pipeline needs.")
    return found


def _facts(folder: Path, kind: PipelineKind, parts: Mapping[str, str], settings: Mapping[str, bool]) -> ImageFacts:
    vae, network = read_object(folder, config_of("vae")), read_object(folder, config_of(kind.network))
    channels, latents = _whole(network, "in_channels"), _whole(vae, "z_dim" if "z_dim" in vae else "latent_channels")
    scale = pixels_per_latent(vae)
    if channels != latents * (4 if kind.packs else 1):
        raise UnsupportedModel(
            f"The {kind.network} takes {channels} channels where the latents have {latents}: models that are made only "
            "for inpainting or other inputs aren't supported; use the ordinary one, which inpaints too."
        )
    if kind.guidance_name == "true_cfg_scale" and network.get("guidance_embeds"):
        raise UnsupportedModel(
            f"A {kind.family} pipeline whose {kind.network} takes guidance as an input isn't supported."
        )
    if kind.scale and scale != kind.scale:
        raise UnsupportedModel(
            f"A {kind.family} pipeline draws {kind.scale} pixels a side from each latent, and this VAE {scale}."
        )
    side = network.get("sample_size") if kind.family != "flux" else None
    height, width = side if isinstance(side, list) and len(side) == 2 else [side or kind.side] * 2
    consistency = network.get("time_cond_proj_dim") is not None
    steps, guidance = kind.steps, kind.guidance
    if kind.distilled is not None and _is_distilled(folder, kind, network, settings):
        steps, guidance = kind.distilled
    most_steps = _most_steps(folder, parts)
    return ImageFacts(
        family=kind.family,
        width=_bounded(width, "sample_size") * scale,
        height=_bounded(height, "sample_size") * scale,
        multiple_of=scale * kind.patch,
        steps=min(steps, most_steps or steps),
        guidance=guidance,
        prompt_tokens=_prompt_tokens(folder, kind, parts),
        takes_negative=kind.takes_negative and not consistency,
        takes_source=not kind.whole or bool(kind.from_picture),
        takes_mask=not kind.whole or bool(kind.from_mask),
        schedulers=(DEFAULT,) if kind.whole or consistency else names_for(parts["scheduler"]),
        own_scheduler=parts["scheduler"],
        longest=_longest(kind, network, scale),
        most_steps=most_steps,
        second_pass=kind.second_pass and not consistency and not settings.get("is_distilled", False),
    )  # fmt: skip


def _is_distilled(folder: Path, kind: PipelineKind, network: Mapping[str, Any], settings: Mapping[str, bool]) -> bool:
    """Whether it was taught to draw in a few steps, as far as its files say."""
    if kind.network == "unet":
        return network.get("time_cond_proj_dim") is not None
    if kind.family == "z-image":  # nothing but the scheduler tells the Turbo model, by its smaller shift
        return read_object(folder, config_of("scheduler")).get("shift") == Z_IMAGE_TURBO_SHIFT
    return settings["is_distilled"] if "is_distilled" in settings else not network.get("guidance_embeds")


def _most_steps(folder: Path, parts: Mapping[str, str]) -> int:
    """As many as it was taught to leave out; 0 where that isn't how it was taught."""
    if parts["scheduler"] != "LCMScheduler":
        return 0
    taught = read_object(folder, config_of("scheduler")).get("original_inference_steps", LCM_STEPS)
    return _bounded(taught, "original_inference_steps")


def _prompt_tokens(folder: Path, kind: PipelineKind, parts: Mapping[str, str]) -> int:
    """How many of a prompt are read: by an encoder that has places for so many, or as many as the kind allows."""
    if kind.family == "stable-diffusion-3" and "text_encoder_3" not in parts:
        return 77
    if kind.network == "unet":
        return _whole(read_object(folder, config_of("text_encoder")), "max_position_embeddings")
    return kind.prompt_tokens


def pixels_per_latent(vae: Mapping[str, Any]) -> int:
    """Of the width, and of the height. vae: its config."""
    return int(2 ** (len(decoder_widths(vae)) - 1))


def decoder_widths(vae: Mapping[str, Any]) -> list[int]:
    """Channels of its blocks, those that work on the whole picture first. vae: its config. Raises UnsupportedModel."""
    names = ("dim_mult", "decoder_block_out_channels", "block_out_channels")
    name = next((name for name in names if vae.get(name) is not None), names[-1])
    blocks = vae.get(name)
    if not isinstance(blocks, Sequence) or isinstance(blocks, str) or not 1 <= len(blocks) <= 8:
        raise UnsupportedModel(f"{config_of('vae')} has no sound “{name}”.")
    base = _whole(vae, "base_dim") if name == "dim_mult" else 1
    return [_bounded(width, name) * base for width in blocks]


def _longest(kind: PipelineKind, network: Mapping[str, Any], scale: int) -> int:
    """Pixels a side for which the network has places; 0 where it has one for any."""
    places = kind.places
    if "axes_lens" in network:
        places = _least_places(network["axes_lens"])
    elif "pos_embed_max_size" in network:
        places = _bounded(network["pos_embed_max_size"], "pos_embed_max_size", most=2**20)
    return (isqrt(places) if kind.family == "auraflow" else places) * kind.patch * scale


def _least_places(lengths: Any) -> int:
    """Of two sides. lengths: of the prompt, and of each side."""
    if not isinstance(lengths, list) or len(lengths) != 3:
        raise UnsupportedModel("A config.json has no sound “axes_lens”.")
    return min(_bounded(length, "axes_lens", most=2**20) for length in lengths[1:])


def _whole(config: Mapping[str, Any], key: str) -> int:
    return _bounded(config.get(key), key)


def _bounded(value: Any, key: str, most: int = 8192) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise UnsupportedModel(f"A config.json has no sound “{key}”: {value!s:.40}.")
    return value


def _list(names: Any) -> str:
    return ", ".join(sorted(names))
