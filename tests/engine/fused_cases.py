"""Fused layers and recorded steps beside the modelling code: on a GPU, or where there is none by Triton's interpreter.

Run by `test_triton.py` in a process of its own, because the interpreter is chosen when triton is first imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from engine.config import EngineConfig
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.hook import IMPLEMENTATION
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.reference import ReferenceBackend
from engine.text.attention.shape import CacheShape
from engine.text.capture import sizes as sizes_of
from engine.text.draw import UNDECIDED
from engine.text.fused.layers import FusedLayers
from engine.text.llama_layers import fits
from engine.text.loader import LoadedModel
from engine.text.recording import CudaGraphs, Launching
from engine.text.runner import Runner
from engine.text.scheduler import Step
from tests.engine.test_equality import Bench, blocks_of, greedy, load
from tests.engine.test_speculation import guesses, repetitive
from tests.engine.tiny import make_checkpoint

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if DEVICE.type == "cpu":
    from tests.engine.interpreted import spare

    spare()
HIDDEN, BLOCKS = 48, 8
MOST_ROWS = 8 if DEVICE.type == "cuda" else 4
"""Of a step that guesses: the interpreter takes its time for each."""
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Mistral": {"sliding_window": 4},
    "Qwen2": {},
    "Qwen3": {"head_dim": 24},
}


def model_of(family: str) -> Any:
    settings = {
        "vocab_size": 64, "hidden_size": HIDDEN, "intermediate_size": 80, "num_hidden_layers": 2, "head_dim": 16,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.5,
    } | FAMILIES[family]  # fmt: skip
    if family == "Qwen2":
        settings |= {"num_attention_heads": 3, "num_key_value_heads": 3}
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**settings)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=IMPLEMENTATION)
    for name, parameter in model.named_parameters():
        if name.endswith(("norm.weight", "layernorm.weight", ".bias")):
            parameter.data.normal_(1, 0.5)
    return model.to(DEVICE).eval().requires_grad_(False)


def cache_of(model: Any) -> ReferenceBackend:
    attention = model.model.layers[0].self_attn
    dim = attention.head_dim
    heads, kv_heads = (layer.out_features // dim for layer in (attention.q_proj, attention.k_proj))
    return ReferenceBackend(CacheShape(2, heads, kv_heads, dim, dim, torch.float32, DEVICE), BLOCKS)


def logits(model: Any, backend: ReferenceBackend, start: int, count: int) -> torch.Tensor:
    plan = backend.plan([PlannedChunk(0, start, count, [3, 1])])
    places = torch.arange(start, start + count, device=DEVICE)
    output: torch.Tensor = model(
        input_ids=(places * 7 % 64)[None], position_ids=places[None], use_cache=False, plan=plan
    ).logits
    return output


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "Llama"])  # which is Mistral without a window
def test_a_model_says_the_same_with_fused_layers(family: str) -> None:
    """A prompt, then single tokens behind it, for which there is another kernel; and without them again."""
    with torch.inference_mode():
        model = model_of(family)
        plain, turned = cache_of(model), 2 * model.model.rotary_emb.inv_freq.numel()
        expected = [logits(model, plain, *span) for span in ((0, 17), (17, 1), (18, 1))]
        assert all(fits(layer, turned) for layer in model.model.layers)
        fused, mine = FusedLayers(model.model.layers), cache_of(model)
        for span, right in zip(((0, 17), (17, 1)), expected, strict=False):
            with fused.at_work():
                assert torch.allclose(logits(model, mine, *span), right, rtol=1e-4, atol=1e-4)
        assert torch.allclose(logits(model, mine, 18, 1), expected[2], rtol=1e-4, atol=1e-4)


def test_what_does_not_fit() -> None:
    model = model_of("Llama")
    layer = model.model.layers[0]
    assert not fits(layer, 8)  # positions turn a part of each head
    layer.mlp.config.hidden_act = "gelu"
    assert not fits(layer, 16)


class Again:
    """Where there are no CUDA graphs: what was recorded is launched again, with the numbers that are there then."""

    nbytes = 0

    def __init__(self, device: torch.device) -> None:
        self.recorded = 0

    def __call__(self, launching: Launching) -> Launching:
        self.recorded += 1
        launching()
        return launching


class Short(Again):
    """Of memory, for the largest."""

    def __call__(self, launching: Launching) -> Launching:
        if not self.recorded:
            self.recorded += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().__call__(launching)


class Refusing(Again):
    def __call__(self, launching: Launching) -> Launching:
        self.recorded += 1
        raise RuntimeError("operation not permitted when stream is capturing")


class Forgetful(Again):
    def __call__(self, launching: Launching) -> Launching:
        super().__call__(launching)
        return lambda: None


RECORDER = CudaGraphs if DEVICE.type == "cuda" else Again


def runner_with(recorder: Any) -> Callable[[LoadedModel, EngineConfig, int], Runner]:
    def make(model: LoadedModel, config: EngineConfig, blocks: int) -> Runner:
        fused = FusedLayers(model.module.model.layers)  # type: ignore[union-attr, arg-type]
        return Runner(model, TritonBackend(model.shape, blocks), fused, recorder, config.max_sequences)

    return make


@pytest.fixture(scope="module", autouse=True)
def few_rows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for user in ("scheduler", "capture"):
            patch.setattr(f"engine.text.{user}.DRAFT_ROWS", MOST_ROWS)
        if DEVICE.type == "cpu":  # fewer programs, of which some have lines to spare
            patch.setattr("engine.text.fused.calls.LINES", 32)
        yield


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small, for the interpreter takes its time. It says again what was said, sometimes."""
    changes = {
        "initializer_range": 0.2, "tie_word_embeddings": True, "hidden_size": 16, "intermediate_size": 32,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    }  # fmt: skip
    return make_checkpoint(tmp_path_factory.mktemp("echoing"), "Llama", **changes)


@pytest.fixture(scope="module")
def recorded(echoing: Path) -> Runner:
    """Whose steps are recorded; for several benches, one after the other."""
    return bench_of(echoing, runner_with(RECORDER(DEVICE))).engine._runner


def bench_of(folder: Path, make_runner: Callable[..., Runner], **changes: Any) -> Bench:
    settings = changes | {
        "max_context": 112,
        "max_sequences": 3,
        "prefill_tokens": 6,
        "attention": "triton",
        "tell_seconds": 1e3,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.text.loader.laid_out", lambda *_: ())  # a processor's own form of weights
        patch.setattr("engine.text.trial._seconds", lambda layer, others: 1.0)
        return Bench(load(folder, max_context=112, device=str(DEVICE)), make_runner=make_runner, **settings)


def test_sequences_that_grow_leave_and_come_back_through_recorded_steps(
    echoing: Path, recorded: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With guesses, with chunks of prompts that are short and sample nothing, and in blocks
    of others: of those that are preempted and those that are done."""
    prompts = [repetitive(seed)[:length] for seed, length in enumerate((12, 14, 3))]
    plain = Bench(
        load(echoing, max_context=112, device=str(DEVICE)), max_sequences=3, attention="reference", compile="off"
    )
    mine = bench_of(echoing, lambda *_: recorded)
    captured = recorded._captured
    assert captured is not None
    assert captured.recorded == sizes_of(MOST_ROWS)
    assert mine.engine.cache_bytes > recorded._backend.nbytes
    sizes, passes = [], []
    replayed, gone_on = captured.replayed, captured.gone_on
    monkeypatch.setattr(captured, "replayed", lambda rows, *rest: sizes.append(rows) or replayed(rows, *rest))
    monkeypatch.setattr(
        captured, "gone_on", lambda rows, *rest: sizes.append(rows) or passes.append(rest[2]) or gone_on(rows, *rest)
    )
    blocks_of(mine, 3)
    told = []
    for bench in (plain, mine):
        for number, prompt in enumerate(prompts):
            bench.add(str(number), prompt, greedy(10))
        bench.run()
        told.append([bench.completion(str(number), prompt) for number, prompt in enumerate(prompts)])
    assert told[1] == told[0]
    assert set(sizes) >= {MOST_ROWS, MOST_ROWS // 2}, sizes
    assert {1, 2} <= set(passes), passes
    assert guesses(mine)[1] > 0
    assert mine.engine._counters.preemptions > 0


def test_sequences_that_end_in_the_midst_of_several_passes(
    echoing: Path, recorded: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go on, and whoever gets their blocks finds nothing in them that isn't its own. Two are drawn."""
    drawn = {"temperature": 0.8, "top_k": 20, "seed": 3}
    wanted = {
        "a": ([7, 8, 9], 5, {}),
        "b": ([1, 2], 12, drawn),
        "c": ([3], 9, {}),
        "d": ([4, 5], 6, drawn),
    }
    told, passes = [], []
    plain = Bench(
        load(echoing, max_context=112, device=str(DEVICE)), max_sequences=3, attention="reference", compile="off"
    )
    mine = bench_of(echoing, lambda *_: recorded, speculate=False)
    captured = recorded._captured
    gone_on = captured.gone_on
    behind = []
    """Whether each step was begun before it was known what came of the one before."""
    monkeypatch.setattr(
        captured,
        "gone_on",
        lambda *given: passes.append(given[3]) or behind.append(given[5] is not None) or gone_on(*given),
    )
    for bench in (plain, mine):
        for name, (prompt, tokens, params) in wanted.items():
            bench.add(name, prompt, replace(greedy(tokens), **params))
        bench.run()
        told.append([bench.completion(name, prompt) for name, (prompt, *_) in wanted.items()])
    assert told[1] == told[0]
    assert max(passes) > 4, passes
    assert any(behind), "the device had the next step before this one's tokens were looked at"
    counters = mine.engine._counters
    assert counters.steps >= counters.compiled_steps >= sum(passes)


@pytest.mark.parametrize("event", ["cancel", "newcomer", "company", "failure", "undecided", "memory"])
def test_what_happens_while_the_device_has_the_next_step_already(
    echoing: Path, recorded: Runner, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    """The texts are what they are without all of that. Few passes a step, so that there are many steps."""
    monkeypatch.setattr("engine.text.pacing.MOST_PASSES", 2)
    drawn = {"temperature": 0.8, "top_k": 20, "seed": 3}
    wanted = {"a": ([7, 8, 9], 12, {}), "b": ([1, 2], 12, drawn), "c": ([3], 9, {})}
    plain = Bench(
        load(echoing, max_context=112, device=str(DEVICE)), max_sequences=3, attention="reference", compile="off"
    )
    mine = bench_of(echoing, lambda *_: recorded, speculate=False)
    for name, (prompt, tokens, params) in wanted.items():
        for bench in (plain, mine):
            if bench is plain or name != "c":
                bench.add(name, prompt, replace(greedy(tokens), **params))
    plain.run()
    engine, go_on = mine.engine, recorded.go_on
    while engine._computing.under_way is None:
        assert engine.busy
        mine.step()
    if event == "cancel":
        engine.cancel("a")  # and another request has its name
        mine.add("a", *wanted["a"][:1], greedy(12))
    elif event == "newcomer":
        mine.add("c", wanted["c"][0], greedy(9))
    elif event == "company":
        engine._is_alone = lambda: False
        mine.step()
        assert engine._computing.under_way is None
    elif event == "memory":
        tried = []

        def short(step: Step, drawing: Any, after: Step | None = None) -> Any:
            if after is None:
                return go_on(step, drawing, after)
            tried.append(step)
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(recorded, "go_on", short)
    else:
        spoilt: list[Step] = []

        def spoiling(step: Step, drawing: Any, after: Step | None = None) -> Any:
            told = go_on(step, drawing, after)

            def spoil() -> list[list[int]]:
                rows = told()
                if not spoilt and step.passes > 1:
                    spoilt.append(step)
                    assert event == "undecided", event
                    rows[-1][-1] = UNDECIDED
                return rows

            return spoil

        monkeypatch.setattr(recorded, "go_on", spoiling)
    mine.run()
    for name in ("a", "b", *(["c"] if event == "newcomer" else [])):
        prompt = wanted[name][0]
        assert mine.completion(name, prompt) == plain.completion(name, prompt)
    assert engine._blocks.available == engine._blocks.total
    assert engine._counters.isolated_steps == (event == "failure")
    assert event != "memory" or len(tried) == 1, "it is left for a while"
    assert engine._computing.under_way is None, "nothing is kept for those who ended"


def test_a_step_for_nobody_is_forgotten(echoing: Path, recorded: Runner) -> None:
    """Its time would be all that went by until somebody came."""
    bench = bench_of(echoing, lambda *_: recorded, speculate=False)
    bench.add("a", [7, 8, 9], greedy(60))
    while bench.engine._computing.under_way is None:
        assert bench.engine.busy
        bench.step()
    bench.engine.cancel("a")
    assert bench.engine._computing.under_way is None
    assert not bench.engine.busy


@pytest.mark.parametrize("seed", range(2))
def test_where_blocks_are_short_nobody_goes_on_with_another_token(echoing: Path, recorded: Runner, seed: int) -> None:
    """A sequence that has blocks for fewer passes than the others leaves no token for the next step."""
    generator = torch.Generator().manual_seed(seed)
    prompts = [torch.randint(5, 250, (length,), generator=generator).tolist() for length in (6 + seed, 13 - seed)]
    plain = Bench(
        load(echoing, max_context=112, device=str(DEVICE)), max_sequences=3, attention="reference", compile="off"
    )
    mine = bench_of(echoing, lambda *_: recorded, speculate=False)
    blocks_of(mine, 5)
    for bench in (plain, mine):
        for number, prompt in enumerate(prompts):
            bench.add(str(number), prompt, replace(greedy(34), temperature=5.0, top_k=100, seed=4))
        bench.run()
    for number, prompt in enumerate(prompts):
        assert mine.completion(str(number), prompt) == plain.completion(str(number), prompt)


@pytest.mark.parametrize(
    ("recorder", "sizes"),
    [(Short, sizes_of(MOST_ROWS)[1:]), (Refusing, None), (Forgetful, None)],
    ids=["short", "refuses", "wrong"],
)
def test_steps_that_cannot_be_recorded_are_launched(echoing: Path, recorder: Any, sizes: list[int] | None) -> None:
    with torch.inference_mode():
        bench = bench_of(echoing, runner_with(made := recorder(DEVICE)))
        captured = bench.engine._runner._captured
        assert (None if captured is None else captured.recorded) == sizes
        assert made.recorded == (1 if recorder is Refusing else len(sizes_of(MOST_ROWS)))
        if captured is not None:
            assert captured.run([PlannedChunk(0, 0, 5, [0])], [1] * 5) is None
            assert captured.run([PlannedChunk(0, 0, 2, [0])], [1] * 2) is not None
