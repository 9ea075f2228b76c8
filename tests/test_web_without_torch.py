"""The web process runs where torch is not installed: everything it imports, every address and every socket."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "diffusers", "triton", "accelerate", "peft", "gguf"}:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Absent())
from aiplatform.asgi import application
from aiplatform.routing import websocket_urlpatterns
from django.core.checks import run_checks
from django.urls import get_resolver
import apps.conversations.consumers
import apps.generations.worker  # with ENGINE_DEVICE=none it needs no more

assert application and websocket_urlpatterns
assert len(get_resolver().reverse_dict) > 10
problems = [problem for problem in run_checks() if problem.is_serious()]
assert not problems, problems
print("served without torch")
"""


def test_the_web_process_imports_without_torch() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "served without torch" in run.stdout, run.stderr[-4000:]
