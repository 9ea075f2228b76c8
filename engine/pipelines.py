"""Which diffusers pipelines the image engine serves, and what a model's folder says of itself. No torch, no diffusers.

A folder is told by its model_index.json, which names a class for each part. It is untrusted input: only the classes
listed here are ever looked up, whatever it names. See docs/decisions/0017-pictures.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.architectures import UnsupportedModel, read_object, refuse_code
from engine.image.schedulers import DIFFUSION_SCHEDULERS, FLOW_SCHEDULERS, names_for
from engine.types import ImageFacts

INDEX = "model_index.json"
IGNORED = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
"""Parts that are never loaded: what they do (a filter, picture prompts) isn't part of making the picture."""
DIFFUSION, FLOW = frozenset(DIFFUSION_SCHEDULERS), frozenset(FLOW_SCHEDULERS)
CLIP, CLIP_PROJECTED, T5 = (
    frozenset({"CLIPTextModel"}), frozenset({"CLIPTextModelWithProjection"}), frozenset({"T5EncoderModel"}),
)  # fmt: skip
CLIP_TOKENIZER = frozenset({"CLIPTokenizer", "CLIPTokenizerFast"})
T5_TOKENIZER = frozenset({"T5Tokenizer", "T5TokenizerFast"})
VAE = frozenset({"AutoencoderKL"})


@dataclass(frozen=True, slots=True)
class PipelineKind:
    """One family of pipelines: the parts it is made of, and what suits it."""

    family: str
    pipeline: str
    """The diffusers class whose parts are used."""
    network: str
    """The part that denoises."""
    parts: Mapping[str, frozenset[str]]
    """Which class each part may be."""
    optional: frozenset[str]
    patch: int
    """Width and height of latents must be a multiple of it."""
    side: int
    """In latents, where the network's config doesn't say."""
    steps: int
    guidance: float
    prompt_tokens: int
    takes_negative: bool = True


_UNET = {
    "unet": frozenset({"UNet2DConditionModel"}), "vae": VAE, "scheduler": DIFFUSION,
    "text_encoder": CLIP, "tokenizer": CLIP_TOKENIZER,
}  # fmt: skip
_KINDS = (
    PipelineKind("stable-diffusion", "StableDiffusionPipeline", "unet", _UNET, frozenset(), 1, 64, 25, 7.5, 77),
    PipelineKind(
        "stable-diffusion-xl", "StableDiffusionXLPipeline", "unet",
        _UNET | {"text_encoder_2": CLIP_PROJECTED, "tokenizer_2": CLIP_TOKENIZER},
        frozenset(), 1, 128, 30, 5.0, 77,
    ),
    PipelineKind(
        "stable-diffusion-3", "StableDiffusion3Pipeline", "transformer",
        {
            "transformer": frozenset({"SD3Transformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": CLIP_PROJECTED, "tokenizer": CLIP_TOKENIZER,
            "text_encoder_2": CLIP_PROJECTED, "tokenizer_2": CLIP_TOKENIZER,
            "text_encoder_3": T5, "tokenizer_3": T5_TOKENIZER,
        },
        frozenset({"text_encoder_3", "tokenizer_3"}), 2, 128, 28, 5.0, 256,
    ),
    PipelineKind(
        "flux", "FluxPipeline", "transformer",
        {
            "transformer": frozenset({"FluxTransformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": CLIP, "tokenizer": CLIP_TOKENIZER, "text_encoder_2": T5, "tokenizer_2": T5_TOKENIZER,
        },
        frozenset(), 2, 128, 28, 3.5, 512, takes_negative=False,
    ),
)  # fmt: skip
PIPELINES: Mapping[str, PipelineKind] = {
    kind.pipeline.replace("Pipeline", f"{suffix}Pipeline"): kind
    for kind in _KINDS
    for suffix in ("", "Img2Img", "Inpaint")
}
"""By the name in model_index.json: pipelines for pictures from pictures are made of the same parts."""


@dataclass(frozen=True, slots=True)
class PipelineFolder:
    """A checked model_index.json."""

    kind: PipelineKind
    parts: Mapping[str, str]
    """The class of each part to load."""
    facts: ImageFacts


def is_pipeline(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def read_pipeline(folder: Path) -> PipelineFolder:
    """Raises UnsupportedModel with a whole sentence, or OSError."""
    index = read_object(folder, INDEX)
    refuse_code(index)
    named = index.get("_class_name")
    kind = PIPELINES.get(named) if isinstance(named, str) else None
    if kind is None:
        raise UnsupportedModel(f"The pipeline {named!s:.80} isn't supported; these are: {_list(PIPELINES)}.")
    parts = dict(_parts(index, kind))
    for part in parts:
        if "tokenizer" not in part:
            refuse_code(read_object(folder, config_of(part)))
    return PipelineFolder(kind, parts, _facts(folder, kind, parts))


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
        if library != expected or name not in kind.parts[part]:
            raise UnsupportedModel(
                f"{INDEX} wants {library!s:.60}.{name!s:.60} as {part}; allowed are: {_list(kind.parts[part])}."
            )
        found.append((part, name))
    missing = set(kind.parts) - kind.optional - {part for part, _ in found}
    if missing:
        raise UnsupportedModel(f"{INDEX} doesn't name the {sorted(missing)[0]}, which a {kind.family} pipeline needs.")
    return found


def _facts(folder: Path, kind: PipelineKind, parts: Mapping[str, str]) -> ImageFacts:
    vae, network = read_object(folder, config_of("vae")), read_object(folder, config_of(kind.network))
    channels, latents = _whole(network, "in_channels"), _whole(vae, "latent_channels")
    scale = pixels_per_latent(vae)
    if channels != latents * (4 if kind.family == "flux" else 1):
        raise UnsupportedModel(
            f"The {kind.network} takes {channels} channels where the latents have {latents}: models that are made only "
            "for inpainting or other inputs aren't supported; use the ordinary one, which inpaints too."
        )
    if network.get("time_cond_proj_dim") is not None:
        raise UnsupportedModel("The unet takes guidance as an input (a consistency model), which isn't supported yet.")
    side = network.get("sample_size") if kind.family != "flux" else None
    height, width = side if isinstance(side, list) and len(side) == 2 else [side or kind.side] * 2
    distilled = kind.family == "flux" and not network.get("guidance_embeds")
    short = kind.family == "stable-diffusion-3" and "text_encoder_3" not in parts
    return ImageFacts(
        family=kind.family,
        width=_bounded(width, "sample_size") * scale,
        height=_bounded(height, "sample_size") * scale,
        multiple_of=scale * kind.patch,
        steps=4 if distilled else kind.steps,
        guidance=1.0 if distilled else kind.guidance,
        prompt_tokens=77 if short else kind.prompt_tokens if kind.family in ("flux", "stable-diffusion-3")
        else _whole(read_object(folder, config_of("text_encoder")), "max_position_embeddings"),
        takes_negative=kind.takes_negative,
        schedulers=names_for(parts["scheduler"]),
    )  # fmt: skip


def pixels_per_latent(vae: Mapping[str, Any]) -> int:
    """Of the width, and of the height. vae: its config."""
    blocks = vae.get("block_out_channels")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 8:
        raise UnsupportedModel(f"{config_of('vae')} has no sound “block_out_channels”.")
    return int(2 ** (len(blocks) - 1))


def _whole(config: Mapping[str, Any], key: str) -> int:
    return _bounded(config.get(key), key)


def _bounded(value: Any, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 8192:
        raise UnsupportedModel(f"A config.json has no sound “{key}”: {value!s:.40}.")
    return value


def _list(names: Any) -> str:
    return ", ".join(sorted(names))
