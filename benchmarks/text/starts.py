"""First and later starts of a worker: with nothing compiled yet, with everything found, and without compiling."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.text.rounds import spread

TIMES = ("ready", "processor", "compile")


def measure(folder: Path, rounds: int) -> dict[str, dict[str, Any]]:
    """Seconds from the process's beginning until its model is ready, those of processors, and those of compiling. Each
    round begins with an empty cache: kernels in C and graphs are compiled by the first one."""
    found: dict[str, list[dict[str, float]]] = {"first": [], "second": [], "off": []}
    _start(folder, "off", os.environ.get("XDG_CACHE_HOME", ""))  # reads the files once
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for name, compile in (("first", "on"), ("second", "on"), ("off", "off")):
                found[name].append(_start(folder, compile, cache))
    seconds = {
        f"{name}: {time}": spread([told[time] for told in starts]) for name, starts in found.items() for time in TIMES
    }
    both = list(zip(found["first"], found["second"], strict=True))
    over = {
        f"first over second: {time}": spread([first[time] / second[time] for first, second in both])
        for time in ("ready", "processor")  # the second compiles nothing
    }
    return seconds | over


def _start(folder: Path, compile: str, cache: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.text.start", str(folder), "full", compile]
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told
