"""How many blocks of the key/value cache a model gets."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.config import EngineConfig
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

SHARE_OF_FREE = 0.25
UNKNOWN_FREE = 4 * 2**30


class TooSmall(Exception):
    """The memory doesn't hold one sequence; the message is a sentence a person can act on."""


def blocks_for(shape: CacheShape, config: EngineConfig, context: int) -> int:
    """context: tokens of the longest sequence. Raises TooSmall where `cache_mb` is less than one of them needs."""
    block_bytes = shape.bytes_per_token * BLOCK_SIZE
    one = -(-context // BLOCK_SIZE)
    wanted = one * config.max_sequences
    if config.cache_mb is not None:
        blocks = config.cache_mb * 2**20 // block_bytes
        if blocks < one:
            raise TooSmall(
                f"One sequence of {context} tokens needs {_mib(one * block_bytes)} MiB of cache, and only "
                f"{config.cache_mb} MiB are allowed. Allow more, or set a shorter context."
            )
        return blocks
    return max(one, min(wanted, int(free_memory(shape.device) * SHARE_OF_FREE) // block_bytes))


def free_memory(device: torch.device) -> int:
    """Bytes."""
    if device.type != "cpu":
        free: int = torch.accelerator.get_memory_info(device)[0]
        return free
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return UNKNOWN_FREE


def _mib(size: int) -> int:
    return -(-size // 2**20)
