"""An adapter's answers are those of the merged model, and whoever shares the batch doesn't notice."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest
import torch

from engine.lora.numbers import bytes_of
from engine.metrics import Counters
from engine.service import EngineThread
from engine.source import FolderSource
from engine.text.engine import TextEngine
from engine.text.linears import LAID_OUT
from engine.text.loader import LoadedModel
from engine.ticket import TextTicket
from engine.types import AdapterRef, Event, FinishEvent, FinishReason, GenerationRequest, LoadingEvent, StartedEvent
from tests.engine.adapters import make_adapter, merge
from tests.engine.recorder import Recorder, submit
from tests.engine.started import started_engines
from tests.engine.test_equality import Bench, blocks_of, generated, greedy, load, prompts_of
from tests.engine.tiny import FAMILIES

PROMPTS = prompts_of([5, 23, 1, 40])
ONE, TWO = AdapterRef("one", "m"), AdapterRef("two", "m")


def plain(_: str) -> float:
    return 8 / 4


@pytest.fixture(scope="module")
def llama(checkpoints: dict[str, Path]) -> LoadedModel:
    return load(checkpoints["Llama"])


@pytest.fixture(scope="module")
def source(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> FolderSource:
    """Two adapters for Llama, and two merged models."""
    root, base = tmp_path_factory.mktemp("adapters"), checkpoints["Llama"]
    one = make_adapter(root / "one", base)
    two = make_adapter(root / "two", base, seed=2, rank=2, kinds=frozenset({"q_proj", "down_proj"}), lora_alpha=4)
    merged_one = merge(base, one, root / "merged-one", plain)
    merged_two = merge(base, two, root / "merged-two", plain)
    return FolderSource(one=one, two=two, merged_one=merged_one, merged_two=merged_two)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_the_merged_model(checkpoints: dict[str, Path], tmp_path: Path, family: str) -> None:
    adapter = make_adapter(tmp_path / "adapter", checkpoints[family])
    expected = generated(merge(checkpoints[family], adapter, tmp_path / "merged", plain), PROMPTS)
    assert expected != generated(checkpoints[family], PROMPTS), "this adapter changes nothing"
    bench = Bench(load(checkpoints[family]), FolderSource(one=adapter), prefill_tokens=16)
    for number, prompt in enumerate(PROMPTS):
        bench.add(str(number), prompt, greedy(), adapter=ONE)
    bench.run()
    for number, prompt in enumerate(PROMPTS):
        assert bench.completion(str(number), prompt) == expected[number]


@pytest.mark.parametrize(
    ("changes", "scaling"),
    [
        ({"use_rslora": True}, lambda _: 8 / math.sqrt(4)),
        ({"alpha_pattern": {"layers.1.mlp.down_proj": 20, "q_proj": 2}}, lambda layer: (
            5.0 if layer.endswith("layers.1.mlp.down_proj") else 0.5 if layer.endswith(".q_proj") else 2.0)),
        ({"r": 9, "rank_pattern": dict.fromkeys(("self_attn.q_proj", "v_proj", "k_proj", "o_proj", "gate_proj",
                                                 "up_proj", "down_proj"), 4)}, plain),
    ],
)  # fmt: skip
def test_scalings(
    checkpoints: dict[str, Path], llama: LoadedModel, tmp_path: Path, changes: dict[str, object],
    scaling: Callable[[str], float],
) -> None:  # fmt: skip
    adapter = make_adapter(tmp_path / "adapter", checkpoints["Llama"], **changes)
    expected = generated(merge(checkpoints["Llama"], adapter, tmp_path / "merged", scaling), PROMPTS[1:2])
    bench = Bench(llama, FolderSource(one=adapter))
    bench.add("x", PROMPTS[1], greedy(), adapter=ONE)
    bench.run()
    assert bench.completion("x", PROMPTS[1]) == expected[0]


@pytest.mark.parametrize("packed", [False, True])
def test_the_base_and_two_adapters_in_one_batch(
    checkpoints: dict[str, Path], source: FolderSource, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    if not packed:
        monkeypatch.setattr("engine.text.loader.laid_out", lambda *_: ())
    model = load(checkpoints["Llama"])
    assert isinstance(model.module.get_submodule("model.layers.0.mlp.up_proj"), LAID_OUT) <= packed
    folders = {None: checkpoints["Llama"], ONE: source.path("merged_one"), TWO: source.path("merged_two")}
    expected = {adapter: generated(folder, PROMPTS) for adapter, folder in folders.items()}
    assert len({str(tokens) for tokens in expected.values()}) == 3
    bench = Bench(model, source, max_sequences=12, prefill_tokens=20)
    who = [(number, adapter) for number in range(len(PROMPTS)) for adapter in (TWO, None, ONE)]
    for number, adapter in who:
        bench.add(f"{number} {adapter}", PROMPTS[number], greedy(), adapter=adapter)
        bench.step()
    bench.run()
    for number, adapter in who:
        assert bench.completion(f"{number} {adapter}", PROMPTS[number]) == expected[adapter][number]


def test_base_rows_are_the_same_bits_with_adapters_beside_them(llama: LoadedModel, source: FolderSource) -> None:
    """The same batch twice, once with all of it on the base: not one bit of the others' logits differs."""

    def logits_of(others: tuple[AdapterRef | None, ...]) -> list[torch.Tensor]:
        bench = Bench(llama, source, prefix_cache=False, speculate=False, compile="off")
        for adapter in {one for one in others if one is not None}:  # loaded before, so that all begin in one step
            bench.add(f"load {adapter.key}", PROMPTS[2], greedy(2), adapter=adapter)
            bench.run()
        seen: list[torch.Tensor] = []
        run = bench.engine._runner.run
        bench.engine._runner.run = lambda *given: seen.append(run(*given)) or seen[-1]  # type: ignore[method-assign,func-returns-value]
        for number, adapter in enumerate((None, *others, None)):
            bench.add(str(number), PROMPTS[number % 2], greedy(6), adapter=adapter)
        bench.run()
        return seen

    alone, beside = logits_of((None, None, None)), logits_of((ONE, TWO, ONE))
    assert len(alone) == len(beside) == 6
    for first, second in zip(alone, beside, strict=True):
        assert torch.equal(first[[0, 4]], second[[0, 4]])
        assert not torch.equal(first[1], second[1])
        assert not torch.equal(first[2], second[2])


def test_equal_prompts_share_no_blocks_across_adapters(llama: LoadedModel, source: FolderSource) -> None:
    prompt = prompts_of([50])[0]
    expected = {None: None, ONE: "merged_one", TWO: "merged_two"}
    for share in (False, True):
        bench = Bench(llama, source, share_prefixes=share)
        for again, found in enumerate((0, 48)):
            for adapter, merged in expected.items():
                before = bench.engine._counters.prefix_hit_tokens
                bench.add(f"{again} {adapter}", prompt, greedy(5), adapter=adapter, tenant="t")
                bench.run()
                assert bench.engine._counters.prefix_hit_tokens - before == found
                if merged is not None:
                    tokens = generated(source.path(merged), [prompt], tokens=5)[0]
                    assert bench.completion(f"{again} {adapter}", prompt) == tokens


def test_what_is_preempted_goes_on_with_its_adapter(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source, prefix_cache=False)
    blocks_of(bench, 10)
    prompts = prompts_of([30, 30, 30, 30])
    expected = {ONE: generated(source.path("merged_one"), prompts), TWO: generated(source.path("merged_two"), prompts)}
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, greedy(), adapter=(ONE, TWO)[number % 2])
    bench.run()
    assert bench.engine._counters.preemptions
    for number, prompt in enumerate(prompts):
        assert bench.completion(str(number), prompt) == expected[(ONE, TWO)[number % 2]][number]


def test_one_makes_room_and_comes_back(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source, max_adapters=1)
    expected = {ONE: generated(source.path("merged_one"), PROMPTS), TWO: generated(source.path("merged_two"), PROMPTS)}
    for number, adapter in enumerate((ONE, TWO, ONE)):
        bench.add(str(number), PROMPTS[number], greedy(), adapter=adapter)
        bench.run()
        assert bench.engine.adapters == (adapter.key,)
        assert bench.completion(str(number), PROMPTS[number]) == expected[adapter][number]
        assert bench.recorders[str(number)].kinds[:2] == [LoadingEvent, StartedEvent]
    counters: Counters = bench.engine._counters
    assert (counters.adapter_loads, counters.adapter_evictions) == (3, 2)
    size = sum(half.nbytes for halves in bench.engine._adapters["one"].layers.values() for half in halves)
    assert bench.engine.cache_bytes == bench.engine._runner.nbytes + size


def test_a_busy_adapter_makes_room_after_a_while(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source, max_adapters=1, residency_patience_seconds=0.0)
    bench.add("busy", PROMPTS[0], greedy(60), adapter=ONE)
    bench.step()
    waiting = queue(bench.engine, "waiting", TWO)
    bench.step()
    late = queue(bench.engine, "late", ONE)  # it would keep the first one busy
    bench.run()
    assert bench.recorders["busy"].finish().usage.completion_tokens == 60
    assert waiting.finish().reason == late.finish().reason == FinishReason.LENGTH
    assert bench.engine.adapters == ("one",)
    assert bench.engine._counters.adapter_loads == 3


def test_one_that_was_asked_to_leave_and_is_wanted_again_was_used_last(
    llama: LoadedModel, source: FolderSource
) -> None:
    bench = Bench(llama, source, max_adapters=2, residency_patience_seconds=0.0)
    for adapter in (ONE, TWO):
        bench.add(adapter.key, PROMPTS[0], greedy(60), adapter=adapter)
    queue(bench.engine, "gone", AdapterRef("three", "m"))
    bench.step()
    assert bench.engine._adapters._leaving == "one"
    bench.engine.cancel("gone")
    again = queue(bench.engine, "again", ONE)
    bench.step()
    assert bench.engine.adapters == ("two", "one"), "the longest unused first"
    bench.run()
    assert again.finish().reason == FinishReason.LENGTH


def ask(engine: EngineThread, adapter: str, request_id: str, model: str = "Llama") -> Recorder:
    recorder, wanted = Recorder(request_id), AdapterRef(adapter, model)
    engine.submit(GenerationRequest(request_id, model, (40, 41), greedy(20), adapter=wanted), recorder)
    return recorder


def test_adapters_stay_within_the_budget(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    base = checkpoints["Llama"]
    folders = {f"a{number}": make_adapter(tmp_path / f"a{number}", base, rank=512, seed=number) for number in range(3)}
    folders["huge"] = make_adapter(tmp_path / "huge", base, rank=2048)
    with started_engines(max_context=64) as start:
        engine = start(folders | {"Llama": base, "Qwen2": checkpoints["Qwen2"]}, memory_mb=7, cache_mb=2)
        submit(engine, "Qwen2", [40, 41], request_id="an idle model").finish()
        for turn, number in enumerate((0, 1, 2, 0)):
            assert ask(engine, f"a{number}", f"{turn}").finish().reason == FinishReason.LENGTH
            metrics = engine.metrics()
            assert metrics.weight_bytes + metrics.cache_bytes <= metrics.memory_budget
            assert len(metrics.adapters) == min(2, turn + 1)
        assert (metrics.adapter_evictions, metrics.loaded) == (2, ("Llama",))
        refused = ask(engine, "huge", "too large").finish()
        assert (refused.error_code, "It needs 8 MiB" in refused.error) == ("load_failed", True)
        assert engine.metrics().adapters == metrics.adapters, "none went for one that can't be had"


def test_one_that_waits_for_room_does_not_hold_up_a_smaller_one(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    base, ranks = checkpoints["Llama"], {"busy": 512, "large": 1024, "small": 4}
    folders = {name: make_adapter(tmp_path / name, base, rank=rank) for name, rank in ranks.items()}
    source = FolderSource(**folders)
    sizes = {name: bytes_of(folder, torch.float32) for name, folder in folders.items()}

    def spare(nbytes: int, *, held: int, waited: float) -> bool:
        return held + nbytes <= sizes["large"] + sizes["small"]

    for most, patience in ((8, 60.0), (2, 60.0), (8, 0.0)):
        bench = Bench(load(base), source, max_adapters=most, residency_patience_seconds=patience)
        bench.engine._adapters._spare = spare
        bench.add("busy", PROMPTS[0], greedy(60), adapter=AdapterRef("busy", "m"))
        bench.step()
        large, small = (queue(bench.engine, name, AdapterRef(name, "m")) for name in ("large", "small"))
        again = queue(bench.engine, "again", AdapterRef("large", "m"))
        events: list[Event] = []
        for recorder in (large, small, again, bench.recorders["busy"]):
            recorder._on_event = events.append
        bench.run()
        order = [event.request_id for event in events if isinstance(event, FinishEvent)]
        assert {one.finish().reason for one in (large, small, again)} == {FinishReason.LENGTH}
        assert (order.index("small") < order.index("busy")) == (patience > 0)
        assert bench.engine._counters.adapter_loads == 3
        assert len(bench.engine.adapters) <= most


def test_adapters_of_two_models_do_not_wait_for_each_other(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    models = {"Llama": checkpoints["Llama"], "Qwen2": checkpoints["Qwen2"]}
    adapters = {f"for {name}": make_adapter(tmp_path / name, base, rank=512) for name, base in models.items()}
    with started_engines(max_context=64, residency_patience_seconds=0.1, cache_mb=2) as start:
        for budget, fit in ((6, 1), (7, 1), (9, 2)):
            engine, most = start(models | adapters, memory_mb=budget), 0
            for name in models:
                submit(engine, name, [40, 41], request_id=f"warm {name}").finish()
            both = [ask(engine, f"for {name}", name, name) for name in models]
            while engine.unfinished():
                metrics = engine.metrics()
                most = max(most, metrics.weight_bytes + metrics.cache_bytes)
                sleep(0.001)
            ends = [each.finish().reason for each in both]
            assert ends.count(FinishReason.LENGTH) >= fit
            assert most <= metrics.memory_budget


def test_an_adapter_that_comes_too_late_ends_its_request(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source)
    late = Recorder("late")
    request = GenerationRequest("late", "m", tuple(PROMPTS[1]), greedy(4), adapter=ONE, deadline_seconds=1e-6)
    bench.engine.add(TextTicket(request, late, lambda ticket: None))
    bench.step()
    assert late.finish().error_code == "deadline"
    bench.run()
    assert not bench.engine.busy


def queue(engine: TextEngine, request_id: str, adapter: AdapterRef) -> Recorder:
    recorder = Recorder(request_id)
    request = GenerationRequest(request_id, "m", tuple(PROMPTS[1]), greedy(4), adapter=adapter)
    engine.add(TextTicket(request, recorder, lambda ticket: None))
    return recorder


def test_waiting_for_an_adapter_can_be_cancelled(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source)
    gone, stays = queue(bench.engine, "gone", ONE), queue(bench.engine, "stays", ONE)
    bench.step()
    bench.engine.cancel("gone")
    assert gone.finish().reason == FinishReason.CANCELLED
    bench.run()
    assert stays.finish().reason == FinishReason.LENGTH


def test_running_sequences_go_on_while_an_adapter_loads(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source)
    bench.add("base", PROMPTS[0], greedy(400))
    bench.step()
    before = len(bench.tokens["base"])
    bench.add("adapted", PROMPTS[1], greedy(4), adapter=ONE)  # steps until it is loaded
    assert len(bench.tokens["base"]) > before
    bench.run()


def test_the_output_layer_is_not_run_for_the_middle_of_a_prompt(llama: LoadedModel, source: FolderSource) -> None:
    bench = Bench(llama, source, prefill_tokens=16)
    bench.add("x", PROMPTS[3], greedy(3), adapter=ONE)
    bench.run()
    assert bench.completion("x", PROMPTS[3]) == generated(source.path("merged_one"), PROMPTS[3:4], tokens=3)[0]
    assert not any(layer._forward_hooks for layer in llama.module.modules()), "hooks stay for one pass only"


def test_bfloat16(checkpoints: dict[str, Path], source: FolderSource) -> None:
    model = load(checkpoints["Llama"], dtype="bfloat16")
    bench = Bench(model, source)
    bench.add("base", PROMPTS[1], greedy())
    bench.add("one", PROMPTS[1], greedy(), adapter=ONE)
    bench.run()
    assert bench.completion("base", PROMPTS[1]) != bench.completion("one", PROMPTS[1])
    layers = bench.engine._adapters["one"].layers.values()
    assert all(tensor.dtype is torch.bfloat16 for pair in layers for tensor in pair)
