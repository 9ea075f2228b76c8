"""From the line of JSON of real, tiny runs of the text benchmark: the tables and the plot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.text.report import page, plot, read

ROOT, RUNS = Path(__file__).parents[2], Path(__file__).parent / "runs"
SVG = "{http://www.w3.org/2000/svg}"


def run_of(name: str) -> dict[str, Any]:
    return read(RUNS / f"{name}.json")


def rows_of(text: str) -> dict[str, list[str]]:
    """By the first cell; of several tables the first one that has it."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("| "):
            first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            found.setdefault(first, cells)
    return found


def test_a_folder_beside_everybody() -> None:
    text = page(run_of("folder"))
    rows = rows_of(text)
    assert text.startswith("## 2026-11-29: SmolLM2-135M-Instruct on 2 cores of AMD EPYC, bfloat16\n")
    assert "llama-cpp-python 0.3.36" in text
    assert rows["ours, full weights"] == ["46.3", "275", "", "", ""]
    assert rows["transformers' continuous batching"] == ["9.78", "9.99", "16.1 (4.73–27.5)", "8", "20"]
    assert rows["llama.cpp, bf16"] == ["50.2", "247", "1.02 (0.92–1.11)", "", ""]
    assert rows["decode of one"] == ["30.7", "20.9", "57.4", "2.28 (1.30–3.26)", "0.57 (0.52–0.63)", "0.8", "1.2"]
    assert rows["of the roofline"] == ["33.5 %", "45 %", "70 %"]
    assert rows["a known beginning answers so many times as soon"] == ["3.89 (3.34–4.45)", "3", "5"]
    assert rows["p99 between tokens beside a long prompt, over that without"][0] == "1.87, 2.87"
    assert rows["multiplication, GFLOP a second"][0] == "249 (lowest 107)"


def test_starts_are_told_where_they_were_timed() -> None:
    starts = {"first over second: ready": {"min": 2.09, "median": 2.19, "max": 2.32}}
    rows = rows_of(page(run_of("folder") | {"starts": starts}))
    assert rows["a worker's second start takes so many times less than its first"] == ["2.19 (2.09–2.32)", "3", "8"]


def test_who_was_left_out_is_told_above_the_tables() -> None:
    told = run_of("folder") | {"left_out": ["llama.cpp with bfloat16 is left out: put such files there."]}
    assert page(told).index("is left out: put such files there.") < page(told).index("| tokens a second |")


def test_a_shape_beside_transformers() -> None:
    told = run_of("shape")
    text = page(told)
    heading, rows = text.splitlines()[0], rows_of(text)
    assert heading == "## 2026-11-29: the shape small on 2 cores of AMD EPYC, float32"
    assert "torch 2.13.0+cpu" in text
    assert rows["ours, full weights"][:2] == ["153", "107"]
    assert rows["transformers' continuous batching, 4 sequences"] == ["48.4", "", "2.69", "", ""]
    assert rows["of the roofline"][0] == "6.2 %"
    assert rows["one sequence alone, tokens a second"][0] == "328 (260–350)"


def test_what_is_asked_of_a_known_shape_stands_beside() -> None:
    rows = rows_of(page(run_of("shape") | {"shape": "llama-8b"}))
    assert rows["of the roofline"][1] == "65 %"
    assert rows["of the bandwidth"][1] == "85 %"


def test_a_peer_that_failed_is_told_and_not_drawn() -> None:
    told = run_of("shape")
    told["peers"]["static, 4"] = {"error": "OutOfMemoryError: CUDA out of memory"}
    assert "`generate`, static batches, 4 sequences failed: OutOfMemoryError: CUDA out of memory" in page(told)
    assert "static batches, 4" not in plot(told)


@pytest.mark.parametrize("name", ["folder", "shape"])
def test_every_table_is_one(name: str) -> None:
    """All lines of a table have as many cells."""
    tables = [part.splitlines() for part in page(run_of(name)).split("\n\n") if part.startswith("|")]
    assert [len({line.count(" | ") for line in lines}) for lines in tables] == [1] * len(tables)


def test_the_plot_is_an_svg_that_is_told_in_words_too() -> None:
    svg = ElementTree.fromstring(plot(run_of("shape")))
    assert svg.tag == f"{SVG}svg"
    assert svg.get("role") == "img"
    told = {one.get("id"): one.text or "" for one in svg if one.get("id")}
    assert svg.get("aria-labelledby") == "title desc"
    assert told["title"] == "the shape small, 4 sequences: tokens a second"
    assert "generate, static batches, 4 sequences: 12.8, ours 10.2 times" in told["desc"]
    bars = {one.get("class"): float(one.get("width", "")) for one in svg.iter(f"{SVG}rect") if one.get("x")}
    assert bars["ours"] / bars["other"] == pytest.approx(130.11 / 12.8, rel=0.01)
    assert "prefers-color-scheme: dark" in (svg.findtext(f"{SVG}style") or "")


def test_a_name_with_signs_of_markup_stays_a_name() -> None:
    told = run_of("shape") | {"where": 'A <b>"GPU"</b> & more | less'}
    assert 'A <b>"GPU"</b> & more | less' in (ElementTree.fromstring(plot(told)).findtext(f"{SVG}desc") or "")


def test_from_a_file_with_progress_before_it(tmp_path: Path) -> None:
    file, picture = tmp_path / "run.json", tmp_path / "plot.svg"
    file.write_text(f"[ 1.0 s] progress\n{json.dumps(run_of('shape'))}\n")
    command = [sys.executable, "-m", "benchmarks.text.report", file, "--plot", picture]
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout == page(read(file))
    assert picture.read_text() == plot(read(file))


@pytest.mark.parametrize("text", ["", "nothing", '{"benchmark": "text", "decode_pass": {}}', '{"workload": "W4"}'])
def test_another_file_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"has no line of JSON as `python -m benchmarks.text` prints it"):
        read(tmp_path / "run.json")
