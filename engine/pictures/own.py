"""Our own record in a picture: JSON under `atrium`, from which exactly the same parameters are read again."""

from __future__ import annotations

import dataclasses
import json

from engine.pictures.origin import Origin
from engine.pictures.recovered import Recovered, loaded, recovered

NAME = "atrium"
FORMAT = 1


def write(origin: Origin) -> str:
    """ASCII, so that it survives wherever it is put."""
    return json.dumps(
        {
            "atrium": FORMAT,
            "params": dataclasses.asdict(origin.params),
            "model": origin.model,
            "digest": origin.digest,
            "has_source": origin.has_source,
            "has_mask": origin.has_mask,
            "generator_version": origin.generator_version,
            "made_with": dict(origin.made_with),
        }
    )


def read(text: str) -> Recovered | None:
    told = loaded(text)
    params, made_with = told.get("params"), told.get("made_with")
    if told.get("atrium") != FORMAT or not isinstance(params, dict):
        return None
    extras = {key: str(told[key]).lower() for key in ("has_source", "has_mask") if told.get(key) is True}
    extras |= {key: told[key] for key in ("digest", "generator_version") if told.get(key)}
    extras |= made_with if isinstance(made_with, dict) else {}
    return recovered("atrium", {**params, "model": told.get("model")}, extras)
