"""Tiny random models in a running site, one that draws and one that sees: all noise, and loaded in no time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.site import OURS, ROOT

NAME, SEEING = "Tiny Painter", "Tiny Janus"
DRAWS = """
import sys
from pathlib import Path
from tests.engine.image.tiny import make_pipeline
make_pipeline(Path(sys.argv[1]), "stable-diffusion")
"""
SEES = """
import sys
from pathlib import Path
from tests.engine.janus.tiny import make_janus
make_janus(Path(sys.argv[1]))
"""


def install_painter(data: Path, models: Path) -> None:
    _install(data, models, DRAWS, NAME)


def install_janus(data: Path, models: Path) -> None:
    _install(data, models, SEES, SEEING)


def _install(data: Path, models: Path, make: str, name: str) -> None:
    """In processes of their own: this one drives a browser and needs no torch. Its id is its name as a slug."""
    slug = name.lower().replace(" ", "-")
    folder = data / slug
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    _run([sys.executable, "-c", make, str(folder)], environment)
    install = ["models", "install", f"path:{folder}", "--name", name, "--license", "CC0-1.0", "--grant-everyone"]
    environment |= {"ATRIUM_DATA": str(data), "MODEL_STORE": str(models)}
    _run([sys.executable, "manage.py", *install, "--id", slug], environment)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
