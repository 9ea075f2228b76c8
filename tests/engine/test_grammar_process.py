"""The processes that follow grammars, and what choosing makes of their masks."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from tokenizers import Tokenizer

from engine.grammar.process import Constraint, FormatRefused, GrammarProcess
from engine.text.loader import LoadedModel
from engine.text.sampler import Chooser, choose
from engine.text.scheduler import Step
from engine.ticket import TextTicket
from engine.types import FinishReason, GenerationRequest, OutputFormat, SamplingParams
from tests.engine.recorder import Recorder
from tests.engine.test_equality import Bench, load

EOS = 1


@pytest.fixture(scope="module")
def tokenizer(checkpoints: dict[str, Path]) -> Tokenizer:
    return Tokenizer.from_file(str(checkpoints["Llama"] / "tokenizer.json"))


@pytest.fixture(scope="module")
def grammars(tokenizer: Tokenizer) -> GrammarProcess:
    return GrammarProcess(tokenizer.to_str, 600, frozenset({EOS, 3}))


@pytest.fixture
def follow(grammars: GrammarProcess) -> Iterator[Callable[[str], Constraint]]:
    followed: list[Constraint] = []

    def start(pattern: str) -> Constraint:
        followed.append(grammars.follow(OutputFormat("regex", pattern)))
        return followed[-1]

    yield start
    for constraint in followed:
        constraint.close()
    assert grammars.open == 0


def allowed(mask: bytes) -> set[int]:
    return {token for token in range(len(mask) * 8) if mask[token >> 3] >> (token & 7) & 1}


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def processes() -> set[psutil.Process]:
    """The processes that know a tokenizer, and those that follow a grammar."""
    found = set()
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "engine.grammar" in one.cmdline():
                found.add(one)
    return found


def test_masks_lead_through_the_expression_to_the_end(
    follow: Callable[[str], Constraint], tokenizer: Tokenizer
) -> None:
    constraint = follow("a(b|é)")
    first = allowed(constraint.mask())
    assert constraint.mask() is constraint.mask()
    names = {tokenizer.id_to_token(token) for token in first}
    assert "a" in names
    assert names <= {"a", "aÃ", "aÃ©", "ab"}  # é is two bytes, written so by the tokenizer
    constraint.advance(tokenizer.token_to_id("a"))
    assert {tokenizer.id_to_token(token) for token in allowed(constraint.mask())} <= {"b", "Ã", "Ã©"}
    constraint.advance(tokenizer.token_to_id("b"))
    assert allowed(constraint.mask()) == {EOS, 3}


def test_a_token_that_was_not_allowed_ends_it_in_words(follow: Callable[[str], Constraint]) -> None:
    constraint = follow("a")
    constraint.advance(EOS)
    with pytest.raises(FormatRefused, match=r"can't be followed: .*\."):
        constraint.mask()


def test_a_process_that_is_killed_ends_its_own_request_only(follow: Callable[[str], Constraint]) -> None:
    other = follow("b{9}")
    before = processes()
    killed = follow("a{9}")
    (child,) = processes() - before
    os.kill(child.pid, signal.SIGKILL)
    eventually(lambda: has_ended(child))
    killed.advance(next(iter(allowed(killed.mask()))))
    with pytest.raises(FormatRefused, match="too much work"):
        killed.mask()
    other.advance(next(iter(allowed(other.mask()))))
    assert allowed(other.mask())


def test_it_starts_anew_where_its_process_died(tokenizer: Tokenizer) -> None:
    grammars = GrammarProcess(tokenizer.to_str, 600, frozenset({EOS}))
    wanted = OutputFormat("regex", "ab")
    first = grammars.follow(wanted)
    assert grammars._running is not None
    grammars._running[0].kill()
    grammars._running[0].wait()
    second = grammars.follow(wanted)
    assert first.mask() == second.mask()
    first.close()
    second.close()


def test_nothing_is_left_of_a_model_that_was_unloaded(tokenizer: Tokenizer) -> None:
    before = processes()
    grammars = GrammarProcess(tokenizer.to_str, 600, frozenset({EOS}))
    constraint = grammars.follow(OutputFormat("regex", "ab"))
    started = processes() - before
    assert len(started) == 2
    constraint.close()
    del grammars, constraint
    gc.collect()
    eventually(lambda: not started & processes())


def test_a_tokenizer_that_cannot_be_used_is_said_in_words() -> None:
    grammars = GrammarProcess(lambda: json.dumps({"model": "none"}), 600, frozenset({EOS}))
    for _ in range(2):
        with pytest.raises(FormatRefused, match="tokenizer can't be used"):
            grammars.follow(OutputFormat("regex", "ab"))
    assert grammars.open == 0


def test_a_worker_without_the_library_says_so(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.grammar.process.find_spec", lambda name: None)
    with pytest.raises(FormatRefused, match="llguidance isn't installed"):
        GrammarProcess(tokenizer.to_str, 600, frozenset({EOS})).follow(OutputFormat("regex", "ab"))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_choosing_within_a_format_and_beside_it(follow: Callable[[str], Constraint], temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 520, generator=generator)
    plain, confined = (SamplingParams(temperature=temperature, seed=3) for _ in range(2))

    def choosers(constraint: Constraint | None) -> list[Chooser]:
        return [Chooser(plain, 1, [0]), Chooser(confined, 2, [0], constraint), Chooser(plain, 3, [0])]

    constraint = follow("[a-f]{2}")
    tokens = choose(logits.clone(), choosers(constraint), [0, 0, 0])
    assert tokens[1] in allowed(constraint.mask())
    assert choose(logits.clone(), choosers(constraint), [0, 0, 0]) == tokens
    unconfined = choose(logits.clone(), choosers(None), [0, 0, 0])
    assert (tokens[0], tokens[2]) == (unconfined[0], unconfined[2])


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_are_not_finite_under_a_format(follow: Callable[[str], Constraint], number: float) -> None:
    logits = torch.randn(2, 520)
    logits[0, 500] = number  # which the format rules out
    choosers = [Chooser(SamplingParams(), 1, [0], follow("a")), Chooser(SamplingParams(), 1, [0])]
    first, second = choose(logits, choosers, [0, 0])
    assert first is None
    assert choosers[0].failure[0] == "non_finite"
    assert second is not None


def test_a_model_that_rules_out_all_that_the_format_allows(follow: Callable[[str], Constraint]) -> None:
    constraint = follow("a")
    logits = torch.randn(2, 520)
    logits[0, list(allowed(constraint.mask()))] = -math.inf
    choosers = [Chooser(SamplingParams(), 1, [0], constraint), Chooser(SamplingParams(), 1, [0])]
    first, second = choose(logits, choosers, [0, 0])
    assert first is None
    assert choosers[0].failure[0] == "non_finite"
    assert second is not None


def test_a_step_that_is_run_again_advances_once(checkpoints: dict[str, Path]) -> None:
    model = load(checkpoints["Llama"])
    assert _written(model, fails=True) == _written(model, fails=False)


def _written(model: LoadedModel, *, fails: bool) -> list[str]:
    """Two completions in a format, where each step of both fails and is run one by one, or doesn't."""
    bench = Bench(model)
    run = bench.engine._runner.run

    def sometimes(step: Step, adapters: list[None]) -> torch.Tensor:
        if fails and len(step.chunks) > 1:
            raise RuntimeError("only one at a time")
        return run(step, adapters)

    bench.engine._runner.run = sometimes  # type: ignore[method-assign]
    recorders = [Recorder("one"), Recorder("two")]
    for seed, recorder in enumerate(recorders):
        params = SamplingParams(
            seed=seed, output_format=OutputFormat("regex", "[a-d]{20}"), frequency_penalty=0.5, logit_bias={70: 2.0}
        )
        request = GenerationRequest(recorder.id, "m", (40, 41), params)
        bench.engine.add(TextTicket(request, recorder, lambda ticket: None))
    bench.run()
    assert [recorder.finish().reason for recorder in recorders] == [FinishReason.STOP] * 2
    assert (bench.engine._counters.isolated_steps > 0) == fails
    return [recorder.text for recorder in recorders]
