"""What is really used: measured from outside, as the system counts it.

Bounds, in MiB: a thousand requests may leave 16 of growth; models may take their budget and 48 beside it, which is what
steps compute with, threads and the allocator. Each test would miss its bound by far if memory were kept.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import memory
from engine.config import EngineConfig
from engine.memory import MIB
from engine.service import EngineThread, FolderSource
from engine.types import FinishReason, SamplingParams
from tests.engine.recorder import GREEDY, submit
from tests.engine.thousand_requests import used
from tests.engine.tiny import make_checkpoint

Make = Callable[..., EngineThread]
PROMPT = [10, 20, 30, 40, 50]
GROWTH, BESIDE = 16, 48
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 67 MiB of weights in float32, half as much on disk."""
    size = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 4}
    return make_checkpoint(tmp_path_factory.mktemp("large"), "Llama", **size, initializer_range=0.02)


@pytest.fixture
def engine_of(large: Path, checkpoints: dict[str, Path]) -> Iterator[Make]:
    """A warmed-up engine that serves one large model under three names, beside the tiny ones."""
    engines: list[EngineThread] = []

    def make(**changes: object) -> EngineThread:
        source = FolderSource(a=large, b=large, c=large, **checkpoints)
        settings = {"dtype": "float32", "device": "cpu", "max_context": 512, "threads": 1, "seed": 0} | changes
        engines.append(EngineThread(source, EngineConfig(**settings)))  # type: ignore[arg-type]
        engines[-1].start()
        submit(engines[-1], "Llama", PROMPT).finish()
        return engines[-1]

    yield make
    for engine in engines:
        engine.stop(drain_seconds=0)


def test_weights_and_caches_stay_within_the_budget(engine_of: Make) -> None:
    budget, together = 230, 2
    engine = engine_of(memory_mb=budget)
    before = used()
    for number, model in enumerate("abca"):
        long = SamplingParams(temperature=0, max_tokens=8, ignore_eos=True)
        assert submit(engine, model, PROMPT * 40, long, str(number)).finish().reason == FinishReason.LENGTH
        now = engine.metrics()
        assert now.weight_bytes + now.cache_bytes <= budget * MIB
        assert used() - before <= (budget + BESIDE) * MIB
    assert len({"a", "b", "c"} & set(engine.loaded())) == together
    assert engine.metrics().evictions >= 4 - together
    assert used() - before >= together * 60 * MIB, "the models are there, so this would notice one too many"


def test_what_evicted_models_took_is_given_back(engine_of: Make) -> None:
    engine = engine_of(memory_mb=120)
    before = used()
    submit(engine, "a", PROMPT).finish()
    with_one = used() - before
    for number, model in enumerate(("b", "c", "a", "Llama")):
        submit(engine, model, PROMPT, GREEDY, str(number)).finish()
    assert used() - before <= with_one + BESIDE * MIB, "one model that is kept would be 67 more, and three went"


@pytest.fixture(scope="module")
def told(large: Path, checkpoints: dict[str, Path]) -> list[Any]:
    """What a process of its own tells: first of a thousand requests, then of loads that find no memory.

    Its oneDNN remembers 64 of the kernels that it compiled. Its own 1,024, one for each number of rows and shape of a
    matrix, would fill up for thousands of requests and then stay at some 80 MiB. The limit of the loads is on
    addresses, which come back only for what glibc got from the system piece by piece.
    """
    arguments = map(str, (large, checkpoints["Llama"], "60:at", "160:abt"))
    environment = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.short_of_memory", *arguments],
        check=True, cwd=ROOT, stdout=subprocess.PIPE, timeout=300, env=os.environ | environment,
    )  # fmt: skip
    found: list[Any] = json.loads(done.stdout)
    return found


def test_a_thousand_requests_leave_no_growth(told: list[Any]) -> None:
    done = told[0]
    assert done["finished"] == 1000
    assert done["growth"] <= GROWTH * MIB
    assert done["blocks_available"] == done["blocks"]
    assert done["unfinished"] == 0


def test_loads_that_find_no_memory(told: list[Any]) -> None:
    """Although the budget would allow them. Idle models go and the load is done again; where that isn't enough, it
    fails alone."""
    found = told[1:]
    assert [each["code"] for each in found] == ["load_failed", "", "", "", ""]
    assert [each["reason"] for each in found] == ["error", "length", "length", "length", "length"]
    assert "too little memory" in found[0]["error"]
    assert found[3]["out_of_memory"] == found[2]["out_of_memory"] + 1
    assert found[3]["loaded"] == ["b"], "the others have made room"


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory.free_host_memory()
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_host_memory() > 0
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("2500000\n")
    (tmp_path / "memory.stat").write_text("anon 2000000\ninactive_file 100000\n")
    assert memory.free_host_memory() == 600_000 < free


def test_giving_back_finds_its_function() -> None:
    """Where the C library has it: else eviction would free nothing that the system could see."""
    assert hasattr(ctypes.CDLL(None), "malloc_trim")
