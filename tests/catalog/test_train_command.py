"""`manage.py train image`: a child process trains; faults come back as sentences; Ctrl-C leaves a checkpoint."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.engine.training.drawn import draw_pictures

ROOT = Path(__file__).resolve().parents[2]


def _refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("train", "image", *arguments, stdout=io.StringIO())
    return str(refused.value)


def test_an_empty_folder_is_refused_in_words_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    said = _refused(str(tmp_path / "pictures"), "--out", str(tmp_path / "out"))
    assert said.endswith("it wants PNG, JPEG or WebP files.")
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "pictures")
    said = _refused(str(pictures), "--out", str(tmp_path / "out"), "--minutes", "1", "--device", "abacus")
    assert said == "This machine can't compute on “abacus”: leave --device out, or write cpu."
    assert not (tmp_path / "out").exists()


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    pictures, out = draw_pictures(tmp_path / "pictures"), tmp_path / "out"
    command = [sys.executable, "-m", "engine.training", str(pictures), "--out", str(out), "--size=32", "--threads=1"]
    child = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in child.stdout:
        if "starting" in line:
            os.kill(child.pid, signal.SIGINT)
    assert "Go on from there with --resume" in child.stderr.read()
    assert child.wait() == 130
    assert (out / "state" / "autoencoder" / "step.json").exists()
    said = _refused(str(pictures), "--out", str(out), "--resume", "--autoencoder-rate", "0.001", "--batch", "4")
    assert said.startswith("--batch 4: this training began with 32, and its steps are counted in such batches.")
