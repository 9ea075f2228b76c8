"""What a picture was made with, to make another one like it: all of it, all but the seed, or the prompt alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.generations.models import Artifact, GenerationJob
from apps.studio.cards import params_shown

TAKES = ("all", "no-seed", "prompt")
PROMPTS = ("prompt", "negative_prompt")


def params_of(job: GenerationJob) -> dict[str, Any]:
    """As `submit_image` takes them."""
    return params_shown(job)


def recalled(picture: Artifact, take: str) -> dict[str, Any] | None:
    """For the form of the studio: `model` and `params`; None for a picture that was uploaded."""
    if picture.job is None:
        return None
    params = chosen_of(params_of(picture.job), take)
    return {"model": picture.job.model_version.hosted_model_id if take != "prompt" else "", "params": params}


def chosen_of(params: Mapping[str, Any], take: str) -> dict[str, Any]:
    if take == "prompt":
        return {name: params[name] for name in PROMPTS if params.get(name)}
    return {name: value for name, value in params.items() if name != "seed" or take != "no-seed"}
