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
    """For the form of the studio: `params`, and where more is taken than the prompt `model` and `model_name`; None for
    a picture that was uploaded."""
    if picture.job is None:
        return None
    params = chosen_of(params_of(picture.job), take)
    if take == "prompt":
        return {"model": "", "params": params}
    model = picture.job.model_version.hosted_model
    return {"model": model.pk, "model_name": model.name, "params": params}


def to_start_from(picture: Artifact) -> dict[str, Any]:
    """For the form: `params`, `source_size`, and as `source_model` the id of the model that made it, or ""."""
    params = chosen_of(params_of(picture.job), "prompt") if picture.job else {}
    return {
        "model": "",
        "params": params | {"source": picture.pk},
        "source_size": {"width": picture.width, "height": picture.height},
        "source_model": picture.job.model_version.hosted_model_id if picture.job else "",
    }


def chosen_of(params: Mapping[str, Any], take: str) -> dict[str, Any]:
    if take == "prompt":
        return {name: params.get(name) or "" for name in PROMPTS}
    return {name: value for name, value in params.items() if name != "seed" or take != "no-seed"}
