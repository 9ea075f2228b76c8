"""Packed weights: full ones lose nothing, how far those of 8 and 4 bits are off, and that the engine runs with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.config import EngineConfig
from engine.loaded import LoadFailed, at_once
from engine.quality.comparing import compare
from engine.quality.process import MeasureError, measure
from engine.service import EngineThread
from engine.source import FolderSource
from engine.text.footprint import held_by
from engine.text.loader import LoadedModel, load_model
from engine.text.packed import kernel
from engine.text.packed.kernel import PackedMatrix, most_rows
from engine.text.packed.layout import Bits, Packed, in_full, in_twos, joined
from engine.text.packed.linear import PackedLinear, pack_linears, refusal
from engine.text.packed.quantise import GROUP, can_quantise, quantised
from engine.types import AdapterRef
from engine.weights import Weights, key_with, split_key
from tests.engine.adapters import make_adapter
from tests.engine.recorder import submit
from tests.engine.test_equality import Bench, greedy, prompts_of
from tests.engine.tiny import FAMILIES

BITS: tuple[Bits, ...] = (8, 4)
FULL: dict[str, Callable[[torch.Tensor], Packed]] = {"whole": in_full, "halves": in_full, "twos": in_twos}
KINDS = [*FULL, *BITS]


def load(folder: Path, weights: Weights) -> LoadedModel:
    return at_once(load_model(folder, EngineConfig(dtype="float32", device="cpu"), weights))


def full_weight(features: int, inputs: int, kind: str) -> torch.Tensor:
    """One that loses nothing when it is kept so."""
    weight = torch.randn(features, inputs)
    return weight if kind == "whole" else weight.to(torch.bfloat16).float()


def packed(weight: torch.Tensor, kind: str | Bits) -> Packed:
    return FULL[kind](weight) if isinstance(kind, str) else quantised(weight, kind)


def with_threads(number: int, weights: Packed) -> PackedMatrix:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        return PackedMatrix(weights)
    finally:
        torch.set_num_threads(before)


def expanded(matrix: PackedMatrix) -> torch.Tensor:
    """The weight `[features, inputs]` that is multiplied with."""
    return matrix.multiply(torch.eye(matrix.weights.inputs)).T


@pytest.mark.parametrize("processor", ["own", "any"])
@pytest.mark.parametrize("kind", FULL)
@pytest.mark.parametrize(("features", "inputs"), [(1, 1), (33, 5), (70, 96), (320, 64)])
def test_full_weights_are_exact_and_a_row_says_the_same_whatever_is_beside_it(
    monkeypatch: pytest.MonkeyPatch, processor: str, kind: str, features: int, inputs: int
) -> None:
    if processor == "any":
        monkeypatch.setattr(kernel, "library", partial(kernel.library, "-DFLOATS"))
    torch.manual_seed(features)
    weight = full_weight(features, inputs, kind)
    weights = packed(weight, kind)
    assert (weights.bits, weights.in_twos) == (32 if kind == "whole" else 16, kind == "twos")
    one, two = with_threads(1, weights), with_threads(2, weights)
    assert torch.equal(expanded(one), weight)
    rows = torch.randn(50, inputs)
    together = one.multiply(rows)
    seen = rows.to(torch.bfloat16) if kind == "twos" else rows
    torch.testing.assert_close(together.double(), seen.double() @ weight.double().T, rtol=1e-5, atol=1e-4)
    for number in range(1, 30):
        assert torch.equal(one.multiply(rows[:number]), together[:number])
        assert torch.equal(two.multiply(rows[:number]), together[:number])
    assert torch.equal(two.multiply(rows), together)


def test_full_weights_take_half_where_that_loses_nothing() -> None:
    half, whole = full_weight(64, 32, "halves"), full_weight(64, 32, "whole")
    assert [in_full(one).nbytes for one in (half, whole)] == [half.nbytes // 2, whole.nbytes]
    assert in_twos(half).nbytes == half.nbytes // 2
    assert in_full(torch.full((1, 2), float("nan"))).bits == 32  # nothing is equal to it
    both = PackedMatrix(joined([in_full(half), in_full(whole)]))
    assert torch.equal(expanded(both), torch.cat([half, whole]))
    twice = joined([in_twos(half), in_twos(-half)])
    assert torch.equal(expanded(PackedMatrix(twice)), torch.cat([half, -half]))
    assert torch.equal(expanded(PackedMatrix(twice.split([64, 64])[1])), -half)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("features", "inputs"), [(1, 32), (32, 64), (70, 96), (4097, 32)])
def test_each_weight_is_off_by_half_a_step_at_most(bits: Bits, features: int, inputs: int) -> None:
    torch.manual_seed(features)
    weight = torch.randn(features, inputs) * torch.rand(features, 1) * 3
    weight[0] = 0
    found = expanded(PackedMatrix(quantised(weight, bits)))
    if bits == 8:
        step = weight.abs().amax(1, keepdim=True).expand_as(weight) / 127
    else:
        groups = weight.view(features, -1, 32)
        spread = groups.amax(-1, keepdim=True) - groups.amin(-1, keepdim=True)
        rounding = groups.abs().amax(-1, keepdim=True) / 128  # of scale and least to bfloat16
        step = (spread / 15 + 2 * rounding).expand_as(groups).reshape(features, inputs)
    assert ((found - weight).abs() <= step * 0.5001 + 1e-6).all()


def rounded(inputs: torch.Tensor) -> torch.Tensor:
    """As packed.c does it where the processor multiplies bytes: 127 steps to the largest of a group."""
    grouped = torch.nn.functional.pad(inputs, (0, -inputs.shape[1] % GROUP)).view(len(inputs), -1, GROUP)
    largest = grouped.abs().amax(-1, keepdim=True)
    whole = (grouped * (127 / largest.clamp_min(1e-30))).round()
    return (whole * (largest / 127)).flatten(1)[:, : inputs.shape[1]]


def middles(weights: Packed) -> torch.Tensor:
    """`[features, groups]`"""
    return weights.scales[:, :, 1].transpose(1, 2).flatten(0, 1)[: weights.features].double()


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 32, 40])
@pytest.mark.parametrize("size", [96, 36])
def test_both_ways_multiply_by_the_same_weights(bits: Bits, rows: int, size: int) -> None:
    if not can_quantise(size, bits):
        return
    torch.manual_seed(rows)
    matrix = PackedMatrix(quantised(torch.randn(2100, size), bits))
    inputs = torch.randn(rows, size) * torch.tensor([0.001, 1.0, 30.0])[torch.randint(3, (rows, size))]
    inputs[0, :32] = 0
    weights = expanded(matrix).double()
    expected, seen = inputs.double() @ weights.T, inputs
    torch.testing.assert_close(matrix.multiply_expanded(inputs).double(), expected, rtol=1e-4, atol=1e-3)
    if kernel.library().rounds_input():
        seen = rounded(inputs)
        # Of 4 bits, what is the same for a whole group is multiplied with the sum of what came in.
        middle = middles(matrix.weights) if bits == 4 else torch.zeros(2100, 1).double()
        lost = (inputs - seen).double()
        groups = lost.view(rows, -1, GROUP).sum(-1) if bits == 4 else torch.zeros(rows, 1).double()
        expected = seen.double() @ weights.T + groups @ middle.T
    torch.testing.assert_close(matrix.multiply(inputs).double(), expected, rtol=1e-4, atol=2e-3)
    assert (seen - inputs).norm() < 0.01 * inputs.norm()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_in_its_row_and_is_not_hidden(kind: str | Bits, broken: float) -> None:
    matrix, inputs = PackedMatrix(packed(full_weight(40, 64, str(kind)), kind)), torch.randn(3, 64)
    whole = matrix.multiply(inputs)
    inputs[1, 50] = broken
    told = matrix.multiply(inputs)
    assert not torch.isfinite(told[1]).any()
    assert torch.equal(told[[0, 2]], whole[[0, 2]])


@pytest.mark.parametrize("bits", BITS)
def test_several_threads_multiply_like_one(bits: Bits) -> None:
    weights, inputs = quantised(torch.randn(500, 64), bits), torch.randn(5, 64)
    alone, together = with_threads(1, weights), with_threads(2, weights)
    assert torch.equal(alone.multiply(inputs), together.multiply(inputs))


@pytest.mark.parametrize("kind", ["whole", "twos", *BITS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_near_the_plain_one(kind: str | Bits, dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(96, 160, bias=bias, dtype=dtype).requires_grad_(False)
    layer = PackedLinear(plain, packed(plain.weight, kind))
    for rows in (1, 8, min(most_rows(layer.matrix.weights.bits), 256) + 1):
        inputs = torch.randn(1, rows, 96, dtype=dtype)
        expected, found = plain(inputs).float(), layer(inputs)
        assert found.dtype is dtype
        assert found.shape == expected.shape
        least = 4e-3 if torch.bfloat16 in (dtype, layer.matrix.weights.words.dtype) else 1e-6  # it rounds, too
        assert (found.float() - expected).norm() / expected.norm() < {8: 0.012, 4: 0.12}.get(kind, least)
    keeps = PackedLinear(plain, packed(plain.weight, kind), keeps=True)(inputs)
    assert keeps.dtype is torch.float32
    assert torch.equal(keeps.to(dtype), found)


@pytest.mark.parametrize("bits", BITS)
def test_rounding_the_inputs_costs_little(bits: Bits) -> None:
    """Weights of 4 bits multiplied by their numbers from 0 to 15, not around nought, would have twice as much of it."""
    torch.manual_seed(0)
    matrix = PackedMatrix(quantised(torch.randn(320, 960), bits))
    inputs = torch.randn(16, 960)
    exact = inputs @ expanded(matrix).T
    assert (matrix.multiply(inputs) - exact).norm() < 0.007 * exact.norm()


def test_they_take_the_memory_that_was_promised() -> None:
    weight = torch.randn(512, 1024)
    assert quantised(weight, 8).nbytes <= weight.nbytes / 4 + 4 * 512
    assert quantised(weight, 4).nbytes == weight.nbytes * 5 / 32


def test_what_does_not_fit_into_words_stays_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(30, 8), nn.Linear(48, 8), nn.Linear(64, 8))
    assert len(list(pack_linears(module, "int4"))) == 1
    assert [type(one) for one in module] == [nn.Linear, nn.Linear, PackedLinear]
    assert can_quantise(48, 8)
    assert not can_quantise(30, 8)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_the_engine_runs_with_them(checkpoints: dict[str, Path], family: str, weights: Weights) -> None:
    """In a crowd as alone. Where inputs are rounded, a last digit that another step computes otherwise can become a
    step of 127, and a tiny random model then says something else; most of these must be equal all the same."""
    prompts = prompts_of([3, 17, 40])
    model = load(checkpoints[family], weights)
    assert any(isinstance(one, PackedLinear) for one in model.module.modules())
    crowd = Bench(model, prefill_tokens=16)
    for number, prompt in enumerate(prompts):
        crowd.add(str(number), prompt, greedy(20))
        crowd.step()
    crowd.run()
    equal = 0
    for number, prompt in enumerate(prompts):
        alone = Bench(model)
        alone.add("one", prompt, greedy(20))
        alone.run()
        equal += alone.completion("one", prompt) == crowd.completion(str(number), prompt)
    assert equal >= (2 if kernel.library().rounds_input() else 3)


def test_an_adapter_on_rounded_weights_changes_its_own_rows_only(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    model, prompt = load(checkpoints["Llama"], "int8"), prompts_of([12])[0]
    source = FolderSource(one=make_adapter(tmp_path / "one", checkpoints["Llama"]))
    alone, both = Bench(model, source), Bench(model, source)
    for bench, adapters in ((alone, [None]), (both, [None, AdapterRef("one", "m")])):
        for adapter in adapters:
            bench.add(str(adapter), prompt, greedy(20), adapter=adapter)
        bench.run()
    told = {name: both.completion(name, prompt) for name in both.recorders}
    assert told["None"] == alone.completion("None", prompt)
    assert len({tuple(tokens) for tokens in told.values()}) == 2


def test_the_key_says_which_weights(make_engine: Callable[..., EngineThread]) -> None:
    engine = make_engine(max_resident=3)
    told = {}
    for key in ("Llama", "Llama@int8", "Llama@int4"):
        recorder = submit(engine, key, prompts_of([12])[0], request_id=key)
        assert recorder.finish().reason == "length"
        told[key] = recorder.text
    assert set(engine.loaded()) == set(told)
    assert told["Llama"] != told["Llama@int4"]


def test_what_is_counted_is_what_they_take(
    make_engine: Callable[..., EngineThread], checkpoints: dict[str, Path]
) -> None:
    """Of the memory budget, once the full ones that were read are gone."""
    engine = make_engine()
    held = {}
    for key in ("Qwen2", "Qwen2@int8", "Qwen2@int4"):
        submit(engine, key, prompts_of([12])[0], request_id=key).finish()
        held[key] = engine._residency.weights[key]
    assert held["Qwen2@int4"] < held["Qwen2@int8"] < held["Qwen2"]
    for weights in ("full", "int8"):
        module = load(checkpoints["Qwen2"], weights).module  # type: ignore[arg-type]
        known = held["Qwen2" if weights == "full" else "Qwen2@int8"]
        assert held_by(module) == pytest.approx(known, rel=0.01)  # rotary frequencies aren't in the files


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("abc", ("abc", "full")),
        ("abc@int8", ("abc", "int8")),
        ("a@b@int4", ("a@b", "int4")),
        ("a@b", ("a@b", "full")),
    ],
)
def test_keys(key: str, parts: tuple[str, Weights]) -> None:
    assert split_key(key) == parts
    assert key_with(*parts) == key


def test_a_key_with_other_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="There are no weights"):
        key_with("abc", "int2")


@pytest.fixture
def without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    kernel.library.cache_clear()
    yield
    kernel.library.cache_clear()


def test_without_a_compiler_it_says_so(without_a_compiler: None, checkpoints: dict[str, Path]) -> None:
    with pytest.raises(LoadFailed, match="there is no C compiler"):
        load(checkpoints["Llama"], "int8")
    assert load(checkpoints["Llama"], "full").vocabulary


def test_other_devices_are_refused_in_words() -> None:
    assert "Choose full weights" in refusal(torch.device("cuda"))
    assert refusal(torch.device("cpu")) == ""


def test_what_they_cost_is_measured(checkpoints: dict[str, Path]) -> None:
    with torch.inference_mode():
        nothing, eight, four = (compare(checkpoints["Llama"], weights) for weights in ("full", "int8", "int4"))
    assert nothing.perplexity == pytest.approx(nothing.full_perplexity, rel=1e-5)
    # Read one by one and all at once: in bfloat16 two that are as good as equal may change places.
    assert nothing.compared_tokens - 5 <= nothing.same_tokens <= nothing.compared_tokens == 256
    assert eight.text_tokens == nothing.text_tokens == 511  # as much as fits into its context
    assert eight.full_perplexity == four.full_perplexity
    assert four.same_tokens < eight.same_tokens < eight.compared_tokens
    assert abs(eight.perplexity / eight.full_perplexity - 1) < abs(four.perplexity / four.full_perplexity - 1)


def test_a_measurement_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="could not be measured: The model's files can't be read"):
        measure(tmp_path, "int8")


@pytest.mark.model
def test_the_demo_model_still_knows_the_capital_of_france(demo_model: Path) -> None:
    for weights in ("int8", "int4"):
        model = load(demo_model, weights)  # type: ignore[arg-type]
        prompt = model.tokenizer.encode(
            "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
        ).ids
        bench = Bench(model)
        bench.add("one", prompt, greedy(12))
        bench.run()
        assert "Paris" in bench.recorders["one"].text
