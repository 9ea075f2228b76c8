"""A request that fails, fails alone: the others' tokens are the same as without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.text.loader import LoadedModel
from engine.text.scheduler import Step
from tests.engine.device import DEVICE
from tests.engine.test_equality import Bench, generated, greedy, load, prompts_of

PROMPTS = prompts_of([8, 20, 5, 33, 12])
POISON = 3
"""The prompt (by number) that makes a step fail."""


@pytest.fixture
def model(checkpoints: dict[str, Path]) -> LoadedModel:
    return load(checkpoints["Llama"])


@pytest.fixture(scope="module")
def expected(checkpoints: dict[str, Path]) -> list[list[int]]:
    return generated(checkpoints["Llama"], PROMPTS, tokens=20)


def run_with(model: LoadedModel, sabotage: Callable[[Bench], None], code: str) -> Bench:
    bench = Bench(model, max_sequences=4, prefill_tokens=24)
    sabotage(bench)
    for number, prompt in enumerate(PROMPTS):
        bench.add(str(number), prompt, greedy(20))
    bench.run()
    last = bench.recorders[str(POISON)].finish()
    assert last.error_code == code
    assert last.error
    return bench


def check_others(bench: Bench, expected: list[list[int]]) -> None:
    for number, prompt in enumerate(PROMPTS):
        if number != POISON:
            assert bench.completion(str(number), prompt) == expected[number]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("boom"), "internal"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("CUDA error: out of memory"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out_of_memory"),
    ],
)
@pytest.mark.parametrize("after", [0, 6])
def test_a_step_that_raises_is_run_again_one_by_one(
    model: LoadedModel, expected: list[list[int]], error: Exception, code: str, after: int
) -> None:
    def sabotage(bench: Bench) -> None:
        run = bench.engine._runner.run

        def failing(step: Step, adapters: list[Any]) -> torch.Tensor:
            for chunk in step.chunks:
                if chunk.sequence.id == str(POISON) and chunk.sequence.completion_tokens >= after:
                    raise error
            return run(step, adapters)

        bench.engine._runner.run = failing  # type: ignore[method-assign]
        bench.engine._runner.go_on = lambda *given: None  # type: ignore[method-assign]

    bench = run_with(model, sabotage, code)
    check_others(bench, expected)
    assert bench.engine._counters.isolated_steps >= 1


def test_memory_that_the_device_does_not_have(model: LoadedModel, expected: list[list[int]]) -> None:
    """In the words of its own allocator."""

    def sabotage(bench: Bench) -> None:
        run = bench.engine._runner.run

        def greedy_for_memory(step: Step, adapters: list[Any]) -> torch.Tensor:
            if any(chunk.sequence.id == str(POISON) for chunk in step.chunks):
                torch.empty(2**60, dtype=torch.uint8, device=DEVICE)
            return run(step, adapters)

        bench.engine._runner.run = greedy_for_memory  # type: ignore[method-assign]

    check_others(run_with(model, sabotage, "out_of_memory"), expected)


@pytest.mark.parametrize("after", [0, 6])
def test_numbers_that_are_not_finite_stay_in_their_sequence(
    model: LoadedModel, expected: list[list[int]], after: int
) -> None:
    """The poisoned sequence has NaN in its keys and values too, as it would; the next in its slot must not see it."""

    def sabotage(bench: Bench) -> None:
        run, backend = bench.engine._runner.run, bench.engine._runner._backend

        def poisoning(step: Step, adapters: list[Any]) -> torch.Tensor:
            logits = run(step, adapters)
            rows = [chunk for chunk in step.chunks if chunk.samples for _ in range(1 + len(chunk.draft))]
            for row, chunk in enumerate(rows):
                if chunk.sequence.id == str(POISON) and chunk.sequence.completion_tokens >= after:
                    logits[row] = float("nan")
                    for layer in (*backend.keys, *backend.values):
                        layer[chunk.sequence.blocks] = float("nan")
            return logits

        bench.engine._runner.run = poisoning  # type: ignore[method-assign]

    check_others(run_with(model, sabotage, "non_finite"), expected)


def test_an_exception_in_delivery_ends_its_sequence_only(model: LoadedModel, expected: list[list[int]]) -> None:
    def sabotage(bench: Bench) -> None:
        tell = bench.engine._completions._tell

        def failing(completion: object, token: int) -> None:
            if completion.sequence.id == str(POISON):  # type: ignore[attr-defined]
                raise UnicodeError("no such text")
            tell(completion, token)  # type: ignore[arg-type]

        bench.engine._completions._tell = failing  # type: ignore[method-assign]

    check_others(run_with(model, sabotage, "internal"), expected)


def test_seeded_draws_survive_a_step_that_is_run_again(model: LoadedModel) -> None:
    from engine.types import SamplingParams

    params = SamplingParams(temperature=1.0, seed=9, max_tokens=15, ignore_eos=True)

    def completion(fails: bool) -> list[int]:
        bench = Bench(model)
        run, state = bench.engine._runner.run, {"steps": 0}

        def sometimes(step: Step, adapters: list[Any]) -> torch.Tensor:
            state["steps"] += 1
            if fails and len(step.chunks) > 1:
                raise RuntimeError("only one at a time")
            return run(step, adapters)

        bench.engine._runner.run = sometimes  # type: ignore[method-assign]
        bench.add("one", PROMPTS[0], params)
        bench.add("two", PROMPTS[1], params)
        bench.run()
        return bench.completion("one", PROMPTS[0])

    assert completion(True) == completion(False)
