"""A start of a worker's text engine, timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.text import start
from tests.engine.tiny import make_checkpoint


def test_a_start_tells_its_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(tmp_path / "tiny", "Llama")
    monkeypatch.setattr(sys, "argv", ["start", str(folder), "full", "off"])
    assert start.main() == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["compile"], told["built"]) == (0, 0)
    assert told["ready"] > 0
    assert told["processor"] > 0
