"""InvokeAI's `invokeai_metadata`, since its version 3."""

from __future__ import annotations

from engine.pictures.recovered import Recovered, loaded, recovered
from engine.pictures.samplers import to_ours

PLAIN = {"prompt": "positive_prompt", "negative_prompt": "negative_prompt", "steps": "steps", "guidance": "cfg_scale",
         "seed": "seed", "width": "width", "height": "height", "strength": "strength"}  # fmt: skip
"""Ours → theirs."""
EXTRAS = ("app_version", "generation_mode", "clip_skip", "vae")


def read(text: str) -> Recovered | None:
    told = loaded(text)
    found = {ours: told.get(theirs) for ours, theirs in PLAIN.items()}
    scheduler, model = told.get("scheduler"), told.get("model")
    if isinstance(scheduler, str):
        found["scheduler"] = to_ours(scheduler)
    if isinstance(model, dict):
        found["model"] = model.get("name", model.get("model_name"))
    return recovered("invokeai", found, {key: told[key] for key in EXTRAS if isinstance(told.get(key), str | int)})
