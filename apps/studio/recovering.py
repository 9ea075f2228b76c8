"""A picture that somebody dropped: what it was made with, and what of that there is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from apps.catalog.models import HostedModel
from apps.generations.image_params import PICTURES
from apps.generations.params import MAX_SEED
from apps.generations.requests import IMAGE_PARAMETERS
from engine.pictures.recovered import Recovered

TOOLS = {"atrium": "Atrium", "a1111": "Automatic1111 or a tool like it", "comfyui": "ComfyUI", "invokeai": "InvokeAI"}


def recovered_json(found: Recovered | None, models: Sequence[HostedModel]) -> dict[str, Any]:
    """`model` is the id of one that can be chosen here, or ""; `params` are all of them, None where the file tells
    nothing or what can't be had here, so that nothing of another draft stays; `missing` are sentences."""
    if found is None:
        return {"found": False, "model": "", "params": {}, "by": "", "missing": []}
    told = asdict(found)
    params = {name: told[name] for name in IMAGE_PARAMETERS} | dict.fromkeys(PICTURES)
    model = model_like(found.model, models)
    missing = []
    if found.model and model is None:
        missing.append(f"Its model, {found.model}, is not available here: yours stays chosen.")
    if found.scheduler and not _knows(model, models, found.scheduler):
        missing.append(f"Its scheduler, {found.scheduler}, is not available here: the model's own is used.")
        params["scheduler"] = None
    if found.seed is not None and found.seed > MAX_SEED:
        missing.append(
            f"Its seed, {found.seed}, is too large here, where {MAX_SEED} is the largest: a new one is taken."
        )
        params["seed"] = None
    if began := _began_from(found):
        missing.append(f"It began from {began} not in the file: without, another picture comes out.")
    by = TOOLS.get(found.source_format, "another tool")
    return {"found": True, "model": model.pk if model else "", "params": params, "by": by, "missing": missing}


def _began_from(found: Recovered) -> str:
    if "has_source" not in found.extras:
        return ""
    return "a picture and a mask, which are" if "has_mask" in found.extras else "a picture, which is"


def model_like(name: str | None, models: Sequence[HostedModel]) -> HostedModel | None:
    """The one that is called so here, by its name or its id, whatever the case."""
    wanted = (name or "").casefold()
    return next((each for each in models if wanted in (each.pk.casefold(), each.name.casefold())), None)


def _knows(model: HostedModel | None, models: Sequence[HostedModel], scheduler: str) -> bool:
    asked = [model] if model else models
    return any(
        scheduler in each.default_version.image_facts.get("schedulers", ["default"])
        for each in asked
        if each.default_version
    )
