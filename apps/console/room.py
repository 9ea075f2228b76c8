"""Whether a model has room on this machine, as far as a page can tell: a worker that loads it knows better."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from apps.generations.presence import alive_workers
from engine.store.copying import RESERVE

SHARE = 0.8
"""Of the machine's memory: what a worker takes for models where nothing else is set."""
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes; `memory` None where workers run on other devices, of which only they know how much they have."""

    disk: int
    memory: int | None

    def lacking(self, size: int) -> str:
        """What a model of so many bytes lacks, in words; "" where it has room."""
        if self.memory is not None and size > self.memory:
            return f"needs about {filesizeformat(size)} of memory, and models may take {filesizeformat(self.memory)}"
        if size + RESERVE > self.disk:
            return f"needs {filesizeformat(size)} of disk, and {filesizeformat(self.disk)} are free"
        return ""


def room_here() -> Room:
    folder = _existing(settings.MODEL_STORE)
    return Room(shutil.disk_usage(folder).free, _memory())


def _memory() -> int | None:
    if settings.ENGINE_MEMORY_MB:
        return int(settings.ENGINE_MEMORY_MB) * MIB
    if set(alive_workers().values_list("device", flat=True)) - {"cpu", "upstream"}:
        return None
    return int(SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _existing(folder: Path) -> Path:
    """It, or what it would be made in."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
