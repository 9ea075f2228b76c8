"""What is kept of a picture in the making, so that another worker goes on from there and ends with the same picture.

A safetensors file: the latents, the state of the random generator, what the scheduler remembers, and as JSON (in a
tensor of bytes) which request it belongs to. It comes back from outside, so nothing of it is believed: one that doesn't
fit is refused, and the picture begins anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from engine.device import is_out_of_memory
from engine.image.picture import Work
from engine.made_with import ENGINE
from engine.types import ImageRequest

TENSOR = "tensor"
"""Stands in the JSON for a value that is a tensor of its own."""
MAX_BYTES = 64 * 1024 * 1024


UNREADABLE = (
    SafetensorError, KeyError, TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError, RecursionError,
)  # fmt: skip
"""What is raised on the way by what isn't as it should be."""


class BadCheckpoint(ValueError):
    """It can't be gone on from; says why."""


def fingerprint(request: ImageRequest, made_with: Mapping[str, str]) -> str:
    """Of all that decides the picture."""
    told = {
        "params": asdict(request.params),
        "model": request.model,
        "adapter": None if request.adapter is None else request.adapter.key,
        "made_with": dict(made_with),
        "source": hashlib.sha256(request.source or b"").hexdigest(),
        "mask": hashlib.sha256(request.mask or b"").hexdigest(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def saved(work: Work, of: str) -> bytes:
    """of: the request's fingerprint."""
    tensors = {"latents": work.latents, "generator": work.generator.get_state()}
    remembered: dict[str, Any] = {}
    for name, value in work.timeline.memory():
        remembered[name] = _told(f"scheduler.{name}", value, tensors)
    told = {"format": ENGINE, "of": of, "done": work.timeline.done, "scheduler": remembered}
    tensors["told"] = torch.frombuffer(bytearray(json.dumps(told).encode()), dtype=torch.uint8)
    return save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})


def resume(work: Work, data: bytes, of: str) -> None:
    """Bring `work`, which is at its beginning, to where the checkpoint was made. Raises BadCheckpoint, and then `work`
    is as it was; or what there was too little memory for."""
    try:
        tensors = load(data) if len(data) <= MAX_BYTES else {}
        told = json.loads(tensors["told"].numpy().tobytes())
        if told["of"] != of or told["format"] != ENGINE:
            raise BadCheckpoint("it belongs to another request, or to another version of the engine")
        done, latents = int(told["done"]), tensors["latents"].to(work.latents.device)
        generator = torch.Generator()
        generator.set_state(tensors["generator"])
        device = work.latents.device
        memory = {
            name: _found(f"scheduler.{name}", value, tensors, device) for name, value in told["scheduler"].items()
        }
    except UNREADABLE as error:
        if is_out_of_memory(error):
            raise
        raise error if isinstance(error, BadCheckpoint) else BadCheckpoint(f"it isn't readable: {error}") from error
    fits = latents.shape == work.latents.shape and latents.dtype == work.latents.dtype
    if not fits or not 0 < done < work.timeline.steps or not bool(torch.isfinite(latents).all()):
        raise BadCheckpoint("what it holds doesn't fit the picture")
    if not all(map(work.timeline.may_remember, memory)):
        raise BadCheckpoint("it belongs to another scheduler")
    work.timeline.remember(memory, done)
    work.latents, work.generator = latents, generator


def _told(name: str, value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """As JSON, with tensors put aside. Raises TypeError for what can't be kept."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {TENSOR: True}
    if isinstance(value, list):
        return [_told(f"{name}.{place}", one, tensors) for place, one in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}")


def _found(name: str, value: Any, tensors: Mapping[str, torch.Tensor], device: torch.device) -> Any:
    if isinstance(value, list):
        return [_found(f"{name}.{place}", one, tensors, device) for place, one in enumerate(value)]
    return tensors[name].to(device) if isinstance(value, dict) else value
