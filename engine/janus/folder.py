"""What a Janus model's folder says of itself, read without loading it. Imports neither torch nor transformers.

The converted checkpoints (`deepseek-community/Janus-Pro-…`) are meant, which need no code of their own. What their
configurations leave out is as in transformers' JanusVisionConfig and JanusVQVAEConfig.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.architectures import UnsupportedModel, context_length, read_object, refuse_code
from engine.types import ImageFacts, SamplingParams

ARCHITECTURE = "JanusForConditionalGeneration"
FAMILY = "janus"
PROMPT_TOKENS = 512
"""Of a picture, at most: what their keys and values take is set aside when the model is loaded."""
GUIDANCE = 5.0
PROCESSORS = ("processor_config.json", "preprocessor_config.json")
"""One of them says how pictures are prepared."""
PARTS = ("text_config", "vision_config", "vq_config")
MOST = 10**9  # what temperature, top_k or top_p may be, if it is to be a number at all


@dataclass(frozen=True, slots=True)
class JanusFolder:
    """A checked config.json."""

    settings: Mapping[str, Any]
    facts: ImageFacts
    """Its `steps` are the tokens of a picture, both of one that is drawn and of one that is read."""
    context_length: int
    """Tokens, prompt and completion together."""
    sampling: SamplingParams
    """How the tokens of a picture are drawn: as generation_config.json says, from all of them where it doesn't."""


def is_janus(folder: Path) -> bool:
    try:
        return bool(read_object(folder, "config.json").get("architectures") == [ARCHITECTURE])
    except (UnsupportedModel, OSError):
        return False


def read_janus(folder: Path) -> JanusFolder:
    """Raises UnsupportedModel with a whole sentence, or OSError."""
    settings = read_object(folder, "config.json")
    text, vision, vq = (_part(settings, name) for name in PARTS)
    for config in (settings, text, vision, vq):
        refuse_code(config)
        if config.get("quantization_config"):
            raise UnsupportedModel("The weights are quantised; install a bfloat16, float16 or float32 version instead.")
    if text.get("model_type", "llama") != "llama":
        raise UnsupportedModel(f"Its language model is a {text['model_type']!s:.40}; that of a Janus is a llama.")
    if not any((folder / name).is_file() for name in PROCESSORS):
        raise UnsupportedModel(f"It doesn't say how pictures are prepared: one of {', '.join(PROCESSORS)} is missing.")
    length = context_length({"max_position_embeddings": text.get("max_position_embeddings", 2048)})
    facts = _facts(vision, vq, length)
    return JanusFolder(settings, facts, length, _sampling(folder))


def _facts(vision: Mapping[str, Any], vq: Mapping[str, Any], context: int) -> ImageFacts:
    patches = _whole(vision, "image_size", 384) // _whole(vision, "patch_size", 16)
    tokens, blocks = _whole(vision, "num_image_tokens", 576), vq.get("channel_multiplier", (1, 1, 2, 2, 4))
    if tokens != patches * patches:
        raise UnsupportedModel(f"A picture of {patches} × {patches} patches can't have {tokens} tokens.")
    if not isinstance(blocks, (list, tuple)) or not 1 <= len(blocks) <= 8:
        raise UnsupportedModel("config.json has no sound “channel_multiplier”.")
    if context <= tokens + 1:
        raise UnsupportedModel(f"Its context of {context} tokens has no room for the {tokens} of a picture.")
    side = patches * int(2 ** (len(blocks) - 1))
    return ImageFacts(
        family=FAMILY, width=side, height=side, multiple_of=side, steps=tokens, guidance=GUIDANCE,
        prompt_tokens=min(PROMPT_TOKENS, context - tokens), takes_negative=False, takes_source=False, takes_mask=False,
        is_fixed=True,
    )  # fmt: skip


def _sampling(folder: Path) -> SamplingParams:
    name = "generation_config.json"
    told = read_object(folder, name) if (folder / name).is_file() else {}
    temperature, top_k, top_p = (told.get(key) for key in ("temperature", "top_k", "top_p"))
    numbers = [number for number in (temperature, top_k, top_p) if number is not None]
    sound = all(isinstance(number, (int, float)) and 0 <= number <= MOST for number in numbers)
    if not sound or temperature == 0 or (top_p is not None and not 0 < top_p <= 1):
        raise UnsupportedModel(f"{name} has no sound temperature, top_k or top_p.")
    return SamplingParams(
        temperature=1.0 if temperature is None else float(temperature),
        top_k=0 if top_k is None else int(top_k),
        top_p=1.0 if top_p is None else float(top_p),
    )


def _part(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = settings.get(name)
    if not isinstance(part, dict):
        raise UnsupportedModel(f"config.json has no {name}.")
    return part


def _whole(config: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = config.get(key, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 8192:
        raise UnsupportedModel(f"config.json has no sound “{key}”: {value!s:.40}.")
    return value
