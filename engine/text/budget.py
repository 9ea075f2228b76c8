"""How much memory the key/value cache of a model gets."""

from __future__ import annotations

from engine.config import EngineConfig
from engine.device import free_memory
from engine.memory import MIB, mib
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

SHARE = 0.25
"""Of the memory for all models, which the cache of one of them takes at most unasked."""


class TooSmall(Exception):
    """The memory doesn't hold one sequence; the message is a sentence a person can act on."""


def cache_limits(shape: CacheShape, config: EngineConfig, context: int, budget: int) -> tuple[int, int]:
    """Bytes for one sequence, and for as many as make sense.

    context: tokens of the longest sequence. budget: bytes for all models. Raises TooSmall where `cache_mb` is less than
    one sequence needs.
    """
    block = shape.bytes_per_token * BLOCK_SIZE
    one = -(-context // BLOCK_SIZE) * block
    if config.cache_mb is None:
        return one, max(one, min(one * config.max_sequences, int(budget * SHARE)))
    fixed = config.cache_mb * MIB // block * block
    if fixed < one:
        raise TooSmall(
            f"One sequence of {context} tokens needs {mib(one)} MiB of cache, and only {config.cache_mb} MiB are "
            "allowed. Allow more, or set a shorter context."
        )
    return fixed, fixed


def blocks_for(shape: CacheShape, config: EngineConfig, context: int, room: int | None = None) -> int:
    """room: bytes that the cache may take; None: as if the model were alone on the device. Raises TooSmall."""
    if room is None:
        room = cache_limits(shape, config, context, free_memory(shape.device))[1]
    return room // (shape.bytes_per_token * BLOCK_SIZE)
