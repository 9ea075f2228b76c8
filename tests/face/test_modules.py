"""Runs the unit tests of the browser's pure modules, where Node.js is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted((Path(__file__).parents[1] / "js").glob("*.test.mjs"))


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_javascript_modules() -> None:
    done = subprocess.run(["node", "--test", *map(str, TESTS)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
