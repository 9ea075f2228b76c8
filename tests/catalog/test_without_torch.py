"""The web process and the command import with torch absent; only a conversion's own process needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import os, sys
os.environ['DJANGO_SETTINGS_MODULE'] = 'aiplatform.settings'
for name in ("torch", "transformers", "gguf", "numpy"):
    sys.modules[name] = None
import django
django.setup()
import engine.chat, engine.store, engine.convert
import apps.catalog.actions, apps.catalog.chat, apps.catalog.installing, apps.catalog.views, apps.catalog.urls
import apps.governance.management.commands.models
print("imported")
"""


def test_the_catalogue_imports_without_torch() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "imported", run.stderr[-4000:]
