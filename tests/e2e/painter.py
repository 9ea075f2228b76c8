"""A tiny random model of pictures in a running site: what it draws is noise, and it takes no time to load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.site import OURS, ROOT

NAME = "Tiny Painter"
MAKE = """
import sys
from pathlib import Path
from tests.engine.image.tiny import make_pipeline
make_pipeline(Path(sys.argv[1]), "stable-diffusion")
"""


def install_painter(data: Path, models: Path) -> None:
    """In processes of their own: this one drives a browser and needs no torch."""
    folder = data / "tiny-painter"
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    _run([sys.executable, "-c", MAKE, str(folder)], environment)
    install = ["models", "install", f"path:{folder}", "--name", NAME, "--license", "CC0-1.0", "--grant-everyone"]
    environment |= {"ATRIUM_DATA": str(data), "MODEL_STORE": str(models)}
    _run([sys.executable, "manage.py", *install, "--id", "tiny-painter"], environment)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
