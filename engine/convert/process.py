"""Running a conversion in a child process: it needs torch and much memory, and both are gone when it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine import own_process

SECONDS = 3600


class ConversionError(Exception):
    """The message is a whole sentence."""


def convert_gguf(source: Path, target: Path) -> None:
    """Write a loadable folder to `target`, which must not exist yet. Raises ConversionError."""
    command = [sys.executable, "-m", "engine.convert", str(source.resolve()), str(target.resolve())]
    environment = own_process.environment()
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command,
            cwd=own_process.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"Converting {source.name} took longer than {SECONDS // 60} minutes.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1][:500] if said else f"the process ended with {done.returncode}."
        raise ConversionError(f"{source.name} could not be converted: {reason}")
