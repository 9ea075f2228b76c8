"""Tiny models in a running site, loaded in no time: one that draws noise, one that sees, one that thinks, one that
asks for a tool.

    python -m tests.e2e.tiny_models FOLDER

makes them in FOLDER and installs them; one process for all, which takes most of its time to load torch.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.e2e.site import environment
from tests.preloaded.running import run_python

PAINTER, JANUS, THINKER, CALLER = "Tiny Painter", "Tiny Janus", "Tiny Thinker", "Tiny Caller"
THOUGHTS = ["**First** ", "<img src=x onerror=alert(1)> ", *(f"thought{number} " for number in range(40))]
WORDS = [f"word{number} " for number in range(40)]
CALL = ["<tool_call>", '{"name": "get_tide", "arguments": {"place": "Brest"}}', "</tool_call>"]
"""What the one that thinks says, in this order; the last one little more than the call."""
SLOW = 48
"""Layers of the one that thinks: so many that it takes a while to say all that."""


def slug(name: str) -> str:
    """The id of a model of this name."""
    return name.lower().replace(" ", "-")


def install_tiny_models(data: Path, models: Path) -> None:
    """In a process of its own: this one drives a browser and needs no torch."""
    own = environment(ATRIUM_DATA=str(data), MODEL_STORE=str(models))
    run_python(["-m", "tests.e2e.tiny_models", str(data / "tiny")], own)


def main(folder: Path) -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "aiplatform.settings"
    django.setup()
    from django.core.management import call_command

    from tests.engine.image.tiny import make_pipeline
    from tests.engine.janus.tiny import make_janus
    from tests.engine.reciter import make_reciter

    names = {slug(name): name for name in (PAINTER, JANUS, THINKER, CALLER)}
    make_pipeline(folder / slug(PAINTER), "stable-diffusion")
    make_janus(folder / slug(JANUS))
    make_reciter(folder / slug(THINKER), [*THOUGHTS, "</think>", "\n\n", *WORDS, *CALL], layers=SLOW)
    make_reciter(folder / slug(CALLER), ["So", "</think>", WORDS[0], *CALL])
    for identifier, name in names.items():
        options = ["--id", identifier, "--name", name, "--license", "CC0-1.0", "--grant-everyone"]
        call_command("models", "install", f"path:{folder / identifier}", *options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
