"""The attention for GPUs. Its kernels are compiled where there is a GPU, and interpreted elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from engine.text.attention.choice import choose
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.gpu.splitting import MOST_SPLITS, splits
from engine.text.capture import sizes
from tests.engine.device import DEVICE
from tests.engine.test_attention import shape

ROOT = Path(__file__).resolve().parents[2]
CASES = ["tests/engine/triton_cases.py", "tests/engine/fused_cases.py"]


@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("triton") is None, reason="there is no triton for this system")
@pytest.mark.skipif(DEVICE != "cpu", reason="on a GPU its cases are run by themselves, side by side")
def test_the_kernels_say_what_the_plain_formula_says() -> None:
    """In a process of its own: nothing else here may see an interpreted triton."""
    interpreted = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", "-o", "addopts=", "-q", *CASES]
    done = subprocess.run(
        [*command, "-p", "no:django", "-p", "no:xdist", "-W", "ignore::RuntimeWarning"],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"} | interpreted, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_not_for_processors() -> None:
    assert not TritonBackend.supports(shape())
    with pytest.raises(ValueError, match="“triton” can't be used for this model on cpu"):
        choose(shape(), "triton")


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (8, [8, 4, 2, 1]),
        (20, [20, 16, 8, 4, 2, 1]),
        (64, [64, 48, 32, 16, 8, 4, 2, 1]),
        (130, [130, 128, 96, 64, 48, 32, 16, 8, 4, 2, 1]),
    ],
)
def test_sizes_of_recorded_steps(most: int, expected: list[int]) -> None:
    assert sizes(most) == expected


@pytest.mark.parametrize(
    ("programs", "longest", "expected"),
    [
        (8, 100, 1),  # too short to be worth it
        (8, 1000, 4),
        (8, 100_000, 32),  # as many programs as run at once
        (1, 100_000, MOST_SPLITS),
        (256, 100_000, 1),
        (5000, 100_000, 1),
    ],
)
def test_a_context_is_split_until_every_processor_has_work(programs: int, longest: int, expected: int) -> None:
    assert splits(programs, longest, processors=132) == expected
