"""The benchmark of pictures: sizes in turns, and what it tells people, from the line of JSON of a real, tiny run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.image import size
from benchmarks.image_contenders import Plain, workload
from benchmarks.image_report import page, plot
from engine.config import EngineConfig
from tests.engine.image.tiny import make_pipeline

RUN = Path(__file__).parent / "runs" / "image.json"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pipeline(tmp_path_factory.mktemp("pipeline") / "model", "stable-diffusion")


def test_sizes_come_in_turns_and_equal_ones_go_together(pipeline: Path) -> None:
    work = workload(pipeline, 5, [(32, 32), (24, 32)], [2])
    assert [(one.width, one.height) for one in work] == [(32, 32), (24, 32), (32, 32), (24, 32), (32, 32)]
    made = Plain(pipeline, EngineConfig(device="cpu", dtype="float32", threads=1)).static(work)
    assert [made.pictures[place].shape for place in range(5)] == [(one.height, one.width, 3) for one in work]


def test_without_sizes_pictures_have_the_models_own(pipeline: Path) -> None:
    assert {(one.width, one.height) for one in workload(pipeline, 3, [], [2])} == {(32, 32)}


def test_a_size_that_the_model_has_not_is_told(pipeline: Path) -> None:
    with pytest.raises(ValueError, match="Width and height must be multiples of"):
        workload(pipeline, 2, [(32, 32), (31, 32)], [2])


@pytest.mark.parametrize(("told", "meant"), [("64", (64, 64)), ("48x64", (48, 64)), ("48×64", (48, 64))])
def test_a_size_is_read(told: str, meant: tuple[int, int]) -> None:
    assert size(told) == meant


@pytest.mark.parametrize("told", ["", "x64", "64x48x2", "big", "-64"])
def test_what_is_no_size_is_told(told: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="A size is pixels"):
        size(told)


def test_tables_and_plot() -> None:
    told = json.loads(RUN.read_text())
    text = page(told)
    assert "4 pictures of 64 × 64, 48 × 64 pixels." in text
    assert "| one by one | 4.77 | 3.35 | 1.22 (0.61–1.82) | 1.5 | 2.5 |" in text
    assert "| the engine | 0.12 / 0.12 | 0.61 / 0.66 |" in text
    assert "- together and one at a time by the engine: 3 of 4 to the bit, the others by up to 1 of 255" in text
    svg = ElementTree.fromstring(plot(told))
    assert "one by one: 4.06, the engine 1.22 times" in (svg.findtext("{http://www.w3.org/2000/svg}desc") or "")
