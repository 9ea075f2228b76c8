"""Where and when numbers were measured, and with which versions: they belong beside the numbers."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch


def surroundings(device: torch.device, *packages: str) -> dict[str, Any]:
    """packages: those that aren't installed are left out."""
    versions = {name: told for name in packages if (told := _version(name))}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "where": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "versions": {"Python": platform.python_version()} | versions,
    }


def _processor() -> str:
    cores, info = len(os.sched_getaffinity(0)), Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{cores} cores of {name or platform.machine()}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
