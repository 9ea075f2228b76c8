"""The parameters of pictures, with what they do and their bounds for one model. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from apps.catalog.models import Modality, ModelVersion
from apps.generations.errors import Refused
from apps.generations.params import CLEANERS, MAX_SEED, Parameter
from engine.image.checks import MAX_ADAPTER_STRENGTH, too_many_pixels
from engine.image.schedulers import evaluations
from engine.types import ImageFacts

MAX_COUNT = 16
"""Pictures that may be asked for at once."""
MAX_SIDE = 2048
MAX_STEPS = 150
MAX_PROMPT_CHARS = 4000
MAX_GUIDANCE = 30
PICTURES = ("source", "mask")
"""Those whose value is the id of an Artifact."""
WHERE_TAKEN = {"negative_prompt": "takes_negative", "source": "takes_source", "mask": "takes_mask"}
ADAPTER_STRENGTH = Parameter(
    "adapter_strength", "Adapter strength",
    "How much the adapter changes the picture: 0 not at all, 1 as its makers meant it, 2 twice as much.",
    "number", 0, MAX_ADAPTER_STRENGTH, 0.05, 1.0,
)  # fmt: skip
NAMES = {field.name for field in fields(ImageFacts)}


def facts_of(version: ModelVersion) -> ImageFacts:
    """Raises Refused where the version makes no pictures."""
    model = version.hosted_model
    if model.modality != Modality.IMAGE or not version.image_facts:
        message = f"{model} makes no pictures. Choose a model that does."
        raise Refused(status=422, code="not_image", message=message)
    return kept_facts(version.image_facts)


def kept_facts(kept: Mapping[str, Any]) -> ImageFacts:
    """kept: `image_facts` of a version."""
    known = {name: value for name, value in kept.items() if name in NAMES}
    return ImageFacts(**known | {"schedulers": tuple(known.get("schedulers", ("default",)))})


def image_parameters(facts: ImageFacts, *, is_adapter: bool = False) -> tuple[Parameter, ...]:
    """What can be set for this model, at the values to begin with."""
    return (*_of_every_model(facts), ADAPTER_STRENGTH) if is_adapter else _of_every_model(facts)


def _of_every_model(facts: ImageFacts) -> tuple[Parameter, ...]:
    size = f"in pixels, a multiple of {facts.multiple_of}. This model was made for {facts.width} × {facts.height}."
    steps = "How many times the picture is improved. More take longer; beyond some, little changes."
    if facts.is_fixed:
        size = f"in pixels. This model draws pictures of {facts.width} × {facts.height} only."
        steps = f"This model draws a picture in {facts.steps} steps, always."
    guidance = "How closely to follow the prompt."
    if facts.second_pass:
        guidance += " 1 leaves it to the model and takes half of the time."
    longest = min(MAX_SIDE, facts.longest or MAX_SIDE)
    scheduler = "default" if "default" in facts.schedulers else facts.schedulers[0]
    return (
        Parameter(
            "prompt", "Prompt",
            f"What the picture shows. The model reads about {facts.prompt_tokens} tokens (¾ of a word each).",
            "text", None, MAX_PROMPT_CHARS, default="",
        ),
        Parameter(
            "negative_prompt", "Negative prompt", "What the picture should not show.",
            "text", None, MAX_PROMPT_CHARS, default="",
        ),
        Parameter(
            "width", "Width", f"Of the picture, {size}",
            "integer", *_bounds(facts, facts.multiple_of, longest, facts.width), facts.multiple_of, facts.width,
        ),
        Parameter(
            "height", "Height", f"Of the picture, {size}",
            "integer", *_bounds(facts, facts.multiple_of, longest, facts.height), facts.multiple_of, facts.height,
        ),
        Parameter(
            "steps", "Steps", steps,
            "integer", *_bounds(facts, 1, min(MAX_STEPS, facts.most_steps or MAX_STEPS), facts.steps), 1, facts.steps,
        ),
        Parameter(
            "guidance", "Guidance",
            guidance,
            "number", 0, MAX_GUIDANCE, 0.1, facts.guidance,
        ),
        Parameter(
            "seed", "Seed",
            "The same seed with the same settings gives the same picture. Empty: a new one each time.",
            "integer", 0, MAX_SEED, 1, None,
        ),
        Parameter(
            "scheduler", "Scheduler", "By which rule noise becomes a picture. `default` is the model's own.",
            "choice", default=scheduler, choices=facts.schedulers,
        ),
        Parameter(
            "strength", "Strength",
            "How far the picture to start from is changed: near 0 hardly, 1 entirely.",
            "number", 0.01, 1, 0.01, 0.6,
        ),
    )  # fmt: skip


def _bounds(facts: ImageFacts, least: int, most: int, own: int) -> tuple[int, int]:
    """own: the model's value, where it has no other."""
    return (own, own) if facts.is_fixed else (least, most)


def size_like(width: int, height: int, facts: ImageFacts) -> dict[str, int]:
    """Of a picture that begins with one of this size: the same as nearly as the model can, in no more pixels than it
    was made for."""
    longest = min(MAX_SIDE, facts.longest or MAX_SIDE)
    share = min(1.0, (facts.width * facts.height / (width * height)) ** 0.5, longest / max(width, height))
    sides = {"width": width * share, "height": height * share}
    multiple = facts.multiple_of
    return {
        name: multiple * max(1, min(round(side / multiple), longest // multiple)) for name, side in sides.items()
    }  # fmt: skip


def clean_image_params(raw: Mapping[str, Any], facts: ImageFacts, *, is_adapter: bool = False) -> dict[str, Any]:
    """All parameters, those that are missing, None or "" at what suits the model; `source` and `mask` are ids or None.

    Raises ValidationError with a sentence for every wrong field, an unknown one included.
    """
    parameters = {each.name: each for each in image_parameters(facts, is_adapter=True)}
    cleaned: dict[str, Any] = {each.name: each.default for each in parameters.values()} | dict.fromkeys(PICTURES)
    errors: dict[str, str] = {}
    for name, value in raw.items():
        if value is None or value == "":
            continue
        try:
            cleaned[name] = _picture(name, value) if name in PICTURES else _value(parameters, name, value)
        except ValueError as error:
            errors[str(name)[:64]] = str(error)
    errors = _misfits(cleaned, facts, is_adapter) | errors
    if errors:
        raise ValidationError(errors)
    return cleaned


def _value(parameters: Mapping[str, Parameter], name: str, value: Any) -> Any:
    if name not in parameters:
        known = ", ".join((*parameters, *PICTURES))
        raise ValueError(f"There is no parameter “{str(name)[:64]}”. Known: {known}.")
    return CLEANERS[parameters[name].kind](parameters[name], value)


def _picture(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError(f"The {name} must be the id of a picture.")
    return value


def _misfits(chosen: Mapping[str, Any], facts: ImageFacts, is_adapter: bool) -> dict[str, str]:
    """What is wrong with values that are well formed."""
    found: dict[str, str] = {}
    if not chosen["prompt"].strip():
        found["prompt"] = "Say first what the picture should show: the prompt is empty."
    for side in ("width", "height"):
        if chosen[side] % facts.multiple_of:
            low = chosen[side] // facts.multiple_of * facts.multiple_of
            near = f"{low} or {low + facts.multiple_of}" if low else str(facts.multiple_of)
            found[side] = f"The {side} must be a multiple of {facts.multiple_of}: {near} would be near {chosen[side]}."
    for name, fact in WHERE_TAKEN.items():
        if chosen[name] and not getattr(facts, fact):
            found[name] = f"This model takes no {name.replace('_', ' ')}."
    if chosen["adapter_strength"] != ADAPTER_STRENGTH.default and not is_adapter:
        found["adapter_strength"] = (
            "This model is no adapter, so there is no adapter strength to choose: leave it at 1."
        )
    if chosen["mask"] and not chosen["source"]:
        found["mask"] = "A mask says what to draw anew of a picture: choose the picture to start from as well."
    return found or _too_large(chosen, facts) or _too_much(chosen, facts)


def _too_large(chosen: Mapping[str, Any], facts: ImageFacts) -> dict[str, str]:
    """What the engine would refuse, said before anybody waits for it."""
    told = too_many_pixels(chosen["width"], chosen["height"], facts)
    return {"width": told} if told else {}


def _too_much(chosen: Mapping[str, Any], facts: ImageFacts) -> dict[str, str]:
    most, pixels, steps = settings.MAX_IMAGE_PIXEL_STEPS, chosen["width"] * chosen["height"], chosen["steps"]
    scheduler = chosen["scheduler"]
    asked = partial(evaluations, scheduler, own=facts.own_scheduler)
    computed = asked(steps)
    if pixels * computed <= most:
        return {}
    fits = next((less for less in range(steps, 0, -1) if pixels * asked(less) <= most), 0)
    fewer = f"take {fits} steps or fewer, or a smaller picture" if fits else "take a smaller picture"
    more = f" ({computed} with {scheduler})" if computed != steps else ""
    return {
        "steps": f"{chosen['width']} × {chosen['height']} pixels in {steps} steps{more} are {pixels * computed:,} "
        f"pixel-steps; up to {most:,} are allowed here: {fewer}."
    }  # fmt: skip
