"""What must start where neither torch nor transformers is installed; and what the engine must never import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import {module}
"""


@pytest.mark.parametrize(
    "module",
    ["engine.types", "engine.config", "engine.architectures", "engine.source", "engine.metrics", "engine.ticket",
     "engine.answers", "engine.adapters", "engine.adapters.pictures", "engine.remote.service", "engine.text.scheduler",
     "engine.text.pacing",
     "engine.text.checks", "engine.forecast", "engine.grammar.process", "engine.room", "engine.memory",
     "engine.load_times", "engine.overload", "engine.pipelines", "engine.turns", "engine.made_with",
     "engine.janus.folder", "engine.janus.checks",
     "engine.image.schedulers", "engine.image.places", "engine.image.checks", "engine.model_engine",
     "engine.image.compatible.checks",
     "engine.pictures", "engine.pictures.signing"],
)  # fmt: skip
def test_without_torch(module: str) -> None:
    names = {"torch", "transformers", "diffusers", "tokenizers", "safetensors", "numpy"}
    code = BLOCK.format(names=names if module.startswith("engine.pictures") else names | {"PIL"}, module=module)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_engine_needs_nothing_of_the_site() -> None:
    code = BLOCK.format(
        names={"django", "celery", "channels", "redis", "psycopg", "apps", "aiplatform"}, module="engine.service"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
