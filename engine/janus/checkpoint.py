"""What is kept of a picture in the making: its tokens. All else follows from them and from the request.

A safetensors file. It comes back from outside, so nothing of it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from engine.image.checkpoint import BadCheckpoint
from engine.made_with import ENGINE

MAX_BYTES = 1024 * 1024


def saved(tokens: Sequence[int], of: str) -> bytes:
    """of: the request's fingerprint (see `engine.image.checkpoint`)."""
    told = json.dumps({"format": ENGINE, "of": of}).encode()
    return save({"tokens": torch.tensor(tokens), "told": torch.frombuffer(bytearray(told), dtype=torch.uint8)})


def kept(data: bytes, of: str, steps: int, vocabulary: int) -> list[int]:
    """The tokens. steps: of the whole picture. vocabulary: how many different tokens there are.

    Raises BadCheckpoint.
    """
    try:
        tensors = load(data) if len(data) <= MAX_BYTES else {}
        told, tokens = json.loads(tensors["told"].numpy().tobytes()), tensors["tokens"].tolist()
        mine = told["of"] == of and told["format"] == ENGINE
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise BadCheckpoint(f"it isn't readable: {error}") from error
    if not mine:
        raise BadCheckpoint("it belongs to another request, or to another version of the engine")
    if not isinstance(tokens, list) or not 0 < len(tokens) < steps:
        raise BadCheckpoint("what it holds doesn't fit the picture")
    if not all(isinstance(token, int) and 0 <= token < vocabulary for token in tokens):
        raise BadCheckpoint("it holds tokens that the model doesn't know")
    return tokens
