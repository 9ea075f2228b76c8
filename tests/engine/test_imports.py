"""What must start where neither torch nor transformers is installed; and what the engine must never import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import engine.text

ROOT = Path(__file__).resolve().parents[2]
BLOCK = """
import os, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
for module in {modules}:
    child = os.fork()
    if not child:
        __import__(module)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(module)
"""
"""Each module in a process of its own that has imported nothing before."""
NOT_THERE = {"torch", "transformers", "diffusers", "tokenizers", "safetensors", "numpy"}
MODULES = [
    "engine.types", "engine.config", "engine.architectures", "engine.source", "engine.metrics", "engine.ticket",
    "engine.answers", "engine.adapters", "engine.adapters.pictures", "engine.remote.service", "engine.text.scheduler",
    "engine.text.pacing",
    "engine.text.checks", "engine.forecast", "engine.grammar.process", "engine.room", "engine.memory",
    "engine.load_times", "engine.overload", "engine.pipelines", "engine.turns", "engine.made_with",
    "engine.janus.folder", "engine.janus.checks",
    "engine.image.schedulers", "engine.image.places", "engine.image.checks", "engine.model_engine",
    "engine.image.compatible.checks",
]  # fmt: skip
OF_PICTURES = ["engine.pictures", "engine.pictures.signing"]


def check(names: set[str], modules: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=names, modules=modules)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_without_torch() -> None:
    check(NOT_THERE | {"PIL"}, MODULES)


def test_pictures_without_torch() -> None:
    check(NOT_THERE, OF_PICTURES)


def test_the_engine_needs_nothing_of_the_site() -> None:
    check({"django", "celery", "channels", "redis", "psycopg", "apps", "aiplatform"}, ["engine.service"])


def test_each_module_of_the_text_engine_is_on_its_map() -> None:
    folder = ROOT / "engine" / "text"
    modules = {path.stem for path in folder.glob("[!_]*") if path.is_dir() or path.suffix == ".py"}
    named = set(re.findall(r"`(\w+)`", engine.text.__doc__ or ""))
    assert named == modules
