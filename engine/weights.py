"""In how many bits the weights of a model are kept. Imports no torch.

Who asks for a model says it with the model's key: `KEY` is full weights, `KEY@int8` and `KEY@int4` are the same files,
rounded as they are loaded. They are models of their own to the engine: loaded, counted and evicted apart.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

Weights = Literal["full", "int8", "int4"]
MARK = "@"


def key_with(model: str, weights: str) -> str:
    """Raises ValueError for weights that there are none of."""
    if weights not in get_args(Weights):
        raise ValueError(f"There are no weights “{weights}”: {', '.join(get_args(Weights))}.")
    return model if weights == "full" else f"{model}{MARK}{weights}"


def split_key(key: str) -> tuple[str, Weights]:
    """The model as its source knows it, and its weights."""
    model, mark, weights = key.rpartition(MARK)
    if mark and weights in get_args(Weights):
        return model, cast(Weights, weights)
    return key, "full"
