"""The memory of this machine: how much of it is free, and giving back what isn't needed. Imports no torch."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

UNKNOWN_FREE = 4 * 2**30
MEMINFO = Path("/proc/meminfo")
CONTAINER = Path("/sys/fs/cgroup")
NO_LIMIT = "max"
MIB = 2**20


def free_host_memory() -> int:
    """Bytes that can be used without swapping: of the machine, or of the container where that has fewer."""
    try:
        lines = MEMINFO.read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        free = UNKNOWN_FREE
    left = _left_in_container()
    return free if left is None else min(free, left)


def give_back() -> None:
    """Return what is no longer used to the system.

    glibc keeps what was freed, up to 32 MiB a piece, for itself; without this an evicted model still counts as used.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none, and keeps nothing back
        if trim is not None:
            trim(0)


def mib(size: int) -> int:
    """Of so many bytes, rounded up."""
    return -(-size // MIB)


def _left_in_container() -> int | None:
    """What a limit of control groups (version 2) leaves; None where there is none. The kernel drops file pages first,
    so those that weren't used lately count as free."""
    try:
        limit = (CONTAINER / "memory.max").read_text().strip()
        if limit == NO_LIMIT:
            return None
        used = int((CONTAINER / "memory.current").read_text())
        kept = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - used + int(kept.get("inactive_file", 0)))
    except (OSError, ValueError):
        return None
