"""Compiled layers: the same tokens, nothing compiled after the first load, and none of it where it can't be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters as dynamo

from engine.config import EngineConfig
from engine.loaded import at_once
from engine.metrics import Counters, EngineMetrics
from engine.source import FolderSource
from engine.text.attention.gathered import GatheredBackend
from engine.text.graphs.compiling import graphs_of, with_graphs
from engine.text.loader import LoadedModel, load_model
from engine.text.runner import runner_of
from engine.types import AdapterRef
from engine.weights import Weights
from tests.engine.adapters import make_adapter, merge
from tests.engine.recorder import Recorder, submit
from tests.engine.started import started_engines
from tests.engine.test_equality import Bench, generated, greedy, prompts_of

pytestmark = pytest.mark.timeout(900)
PROMPTS = prompts_of([1, 3, 17, 70, 5])
CONFIG = EngineConfig(device="cpu", dtype="float32")


def load(folder: Path, *, weights: Weights = "full", compile: str = "on") -> tuple[LoadedModel, Counters]:
    config, counters = EngineConfig(dtype="float32", device="cpu", compile=compile), Counters()  # type: ignore[arg-type]
    with torch.inference_mode():
        model = at_once(load_model(folder, config, weights))
        return at_once(with_graphs(model, folder, config, counters)), counters


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this module's graphs are kept, and nobody else's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "atrium" / "graphs"


@pytest.fixture(scope="module")
def first(checkpoints: dict[str, Path], kept: Path) -> tuple[Recorder, Recorder, EngineMetrics]:
    """What a model answered before its graph was there, and after it had got it while nobody asked. Takes half a minute
    of one processor: the only one here that compiles."""
    with pytest.MonkeyPatch.context() as patch, started_engines(max_context=512, compile="auto") as start:
        patch.setattr("engine.text.graphs.compiling.LEAST_HIDDEN", 1)
        patch.setattr("engine.text.trial._seconds", lambda layer, graphs: 1.0 if graphs is None else 0.5)
        engine = start(checkpoints)
        before = submit(engine, "Llama", PROMPTS[2], request_id="before")
        before.finish()
        deadline = monotonic() + 900
        while not engine.metrics().graphs_built:
            assert monotonic() < deadline
            sleep(0.2)
        after = submit(engine, "Llama", PROMPTS[2], request_id="after")
        after.finish()
        return before, after, engine.metrics()


@pytest.fixture
def compiled(
    first: tuple[Recorder, Recorder, EngineMetrics], checkpoints: dict[str, Path], no_compiler: None
) -> LoadedModel:
    """A later load."""
    model, counters = load(checkpoints["Llama"])
    assert (counters.graphs_built, counters.graphs_reused, counters.compile_failures) == (0, 1, 0)
    return model


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/g++")


def test_it_answers_while_it_is_compiled_and_gets_its_graph_while_nobody_asks(
    first: tuple[Recorder, Recorder, EngineMetrics],
) -> None:
    before, after, metrics = first
    assert (metrics.graphs_built, metrics.graphs_reused, metrics.compile_failures) == (1, 0, 0)
    assert [one.finish().made_with["compile"] for one in (before, after)] == ["off", "layers"]
    assert before.text == after.text


def test_any_mixture_of_steps_is_right_and_compiles_nothing(
    compiled: LoadedModel, checkpoints: dict[str, Path]
) -> None:
    before = {name: dict(counted) for name, counted in dynamo.items()}
    expected, generator = generated(checkpoints["Llama"], PROMPTS), random.Random(0)
    bench = Bench(compiled, prefill_tokens=16, max_sequences=4)
    for number, prompt in enumerate(PROMPTS):
        bench.add(str(number), prompt, greedy())
        for _ in range(generator.randrange(4)):
            bench.step()
    bench.run()
    assert [bench.completion(str(number), prompt) for number, prompt in enumerate(PROMPTS)] == expected
    told = bench.engine._counters
    assert told.compiled_steps == told.steps > 0
    assert before == {name: dict(counted) for name, counted in dynamo.items()}
    assert all(one.finish().made_with["compile"] == "layers" for one in bench.recorders.values())


def test_one_graph_serves_all_layers(compiled: LoadedModel, kept: Path) -> None:
    assert len(list(kept.iterdir())) == 1
    assert compiled.module.config.num_hidden_layers == 2
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("weights", ["full", "int8"])
def test_the_next_load_compiles_nothing(
    first: tuple[Recorder, Recorder, EngineMetrics], checkpoints: dict[str, Path], no_compiler: None, weights: Weights
) -> None:
    model, counters = load(checkpoints["Llama"], weights=weights)
    assert (counters.graphs_built, counters.graphs_reused, counters.compile_failures) == (0, 1, 0)
    plain = replace(model, graphs=None)
    mine, eager = (_completions(Bench(one, prefill_tokens=16)) for one in (model, plain))
    assert mine == eager


def test_adapters_change_the_answer_and_their_neighbours_stay(
    compiled: LoadedModel, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    adapter = make_adapter(tmp_path / "one", checkpoints["Llama"])
    merged = merge(checkpoints["Llama"], adapter, tmp_path / "merged", lambda _: 2.0)
    bench = Bench(compiled, FolderSource(one=adapter), prefill_tokens=16)
    bench.add("with", PROMPTS[2], greedy(10), adapter=AdapterRef("one", "m"))
    bench.add("beside", PROMPTS[2], greedy())
    bench.run()
    bench.add("after", PROMPTS[3], greedy())
    bench.run()
    assert bench.completion("with", PROMPTS[2]) == generated(merged, [PROMPTS[2]], tokens=10)[0]
    assert bench.completion("beside", PROMPTS[2]) == generated(checkpoints["Llama"], [PROMPTS[2]])[0]
    told = {name: one.finish().made_with["compile"] for name, one in bench.recorders.items()}
    assert told == {"with": "off", "beside": "partly", "after": "layers"}


def test_a_graph_that_computes_something_else_is_not_used(
    compiled: LoadedModel, checkpoints: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    model, _ = load(checkpoints["Llama"])
    module: Any = model.module
    module.model.layers[-1].input_layernorm.variance_epsilon = 1.0
    with torch.inference_mode():
        assert runner_of(model, CONFIG, 4).compile == "off"
        assert runner_of(compiled, CONFIG, 4).compile == "layers"
    assert "aren't used" in caplog.text


def test_auto_uses_a_graph_only_where_it_wins(compiled: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.graphs is not None
    monkeypatch.setattr("engine.text.trial._seconds", lambda layer, graphs: 0.5 if graphs is None else 1.0)
    monkeypatch.setattr(compiled.graphs, "only_if_faster", True)
    with torch.inference_mode():
        assert runner_of(compiled, CONFIG, 4).compile == "off"


def test_what_an_operator_raises_comes_out_as_it_was(compiled: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(compiled, attention="gathered")
    bench.add("a", PROMPTS[0], greedy(4))

    def attend(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(GatheredBackend, "attend", attend)
    bench.run()
    assert bench.recorders["a"].finish().error_code == "out_of_memory"


def test_without_a_compiler_it_runs_all_the_same(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_compiler: None,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model, counters = load(checkpoints["Llama"])
    assert model.graphs is None
    assert (counters.graphs_built, counters.compile_failures) == (0, 1)
    assert "there is no C++ compiler" in caplog.text
    bench = Bench(model)
    assert _completions(bench) == generated(checkpoints["Llama"], PROMPTS)
    assert bench.recorders["0"].finish().made_with["compile"] == "off"


def test_a_damaged_file_is_not_opened(
    first: tuple[Recorder, Recorder, EngineMetrics], checkpoints: dict[str, Path], kept: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, no_compiler: None,
) -> None:  # fmt: skip
    [file] = kept.glob("*.pt2")
    damaged = tmp_path / "atrium" / "graphs" / file.name
    damaged.parent.mkdir(parents=True, mode=0o700)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    damaged.write_bytes(content)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model, counters = load(checkpoints["Llama"])
    assert (model.graphs, counters.compile_failures) == (None, 1)


def test_others_go_on_while_it_compiles(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model, _ = load(checkpoints["Llama"], compile="off")
    config = EngineConfig(dtype="float32", device="cpu", compile="on")
    waiting = graphs_of(model, checkpoints["Llama"], config, Counters())
    assert next(waiting) is False
    waiting.close()
    assert not list((tmp_path / "atrium" / "graphs").iterdir()), "the compiler's process is gone, and its files"


def test_layers_that_were_changed_for_the_cache_stay_as_they_are(
    checkpoints: dict[str, Path], kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, counters = load(checkpoints["DeepseekV3"])
    assert (model.graphs, counters.compile_failures) == (None, 1)
    assert "changed for the cache" in caplog.text


def test_auto_leaves_toys_alone(checkpoints: dict[str, Path]) -> None:
    model, counters = load(checkpoints["Llama"], compile="auto")
    assert (model.graphs, counters.compile_failures) == (None, 0)


def _completions(bench: Bench) -> list[list[int]]:
    for number, prompt in enumerate(PROMPTS):
        bench.add(str(number), prompt, greedy())
    bench.run()
    return [bench.completion(str(number), prompt) for number, prompt in enumerate(PROMPTS)]
