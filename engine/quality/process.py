"""Measuring in a child process: it needs torch and memory for a model, and both are gone when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from engine import own_process
from engine.weights import Weights

SECONDS = 3600


class MeasureError(Exception):
    """The message is a whole sentence."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of rounded weights beside full ones."""

    perplexity: float
    full_perplexity: float
    text_tokens: int
    """How many tokens of the fixed text were foretold."""
    same_tokens: int
    """Where both would choose the same token next, along what full weights write greedily after fixed prompts."""
    compared_tokens: int


def measure(folder: Path, weights: Weights) -> Quality:
    """Takes minutes. Raises MeasureError."""
    command = [sys.executable, "-m", "engine.quality", str(folder.resolve()), weights]
    environment = own_process.environment()
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # others use these cores too
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=own_process.ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise MeasureError(f"Measuring took longer than {SECONDS // 60} minutes.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1][:500] if said else f"the process ended with {done.returncode}."
        raise MeasureError(f"The weights could not be measured: {reason}")
    return Quality(**json.loads(done.stdout.decode().strip().splitlines()[-1]))
