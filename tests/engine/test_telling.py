"""Tokens that are told together, while the device computes, say what tokens told one by one say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from engine.text.loader import LoadedModel
from engine.text.scheduler import Step
from engine.types import Event, FinishReason, SamplingParams, StartedEvent, ToolCallEvent
from tests.engine.reciter import make_reciter
from tests.engine.recorder import Recorder
from tests.engine.test_answer_stream import RECITED
from tests.engine.test_equality import Bench, greedy, load, prompts_of

PROMPTS = prompts_of([8, 20, 5, 33, 12])
AT_THE_END, IN_THE_NEXT_STEP = 1000.0, 1e-9
"""Seconds that tokens wait, where steps take milliseconds."""
DRAWN = SamplingParams(temperature=0.8, top_p=0.9, seed=3, max_tokens=30, ignore_eos=True)


class Said(NamedTuple):
    text: str
    reasoning: str
    calls: list[tuple[str, str, bool]]
    reason: FinishReason
    code: str
    tokens: tuple[int | None, int | None, int | None]


def said(recorder: Recorder) -> Said:
    end = recorder.finish()
    calls = [(one.name, one.arguments, one.valid) for one in recorder.events if isinstance(one, ToolCallEvent)]
    usage = end.usage
    tokens = (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens)
    return Said(recorder.text, recorder.reasoning, calls, end.reason, end.error_code, tokens)


@pytest.fixture(scope="module")
def model(checkpoints: dict[str, Path]) -> LoadedModel:
    return load(checkpoints["Llama"])


def added(model: LoadedModel, seconds: float, params: SamplingParams, **whose: Any) -> Bench:
    bench = Bench(model, max_sequences=3, prefill_tokens=24, tell_seconds=seconds)
    for number, prompt in enumerate(PROMPTS):
        bench.add(str(number), prompt, params, **whose)
    return bench


def all_said(bench: Bench) -> list[Said]:
    bench.run()
    assert bench.engine._blocks.available == bench.engine._blocks.total
    return [said(recorder) for recorder in bench.recorders.values()]


def events(bench: Bench) -> int:
    return sum(len(recorder.events) for recorder in bench.recorders.values())


@pytest.mark.parametrize("seconds", [AT_THE_END, IN_THE_NEXT_STEP, 0.01])
@pytest.mark.parametrize("params", [greedy(30), DRAWN], ids=["greedy", "drawn"])
def test_the_same_texts_and_counts(model: LoadedModel, params: SamplingParams, seconds: float) -> None:
    one_by_one, together = added(model, 0, params), added(model, seconds, params)
    assert all_said(together) == all_said(one_by_one)
    assert events(together) <= events(one_by_one)
    if seconds == AT_THE_END:
        assert events(together) <= 6 * len(PROMPTS)  # begun, the first token, the others, the last, its rest, the end
    counters = (bench.engine._counters.completion_tokens for bench in (together, one_by_one))
    assert set(counters) == {30 * len(PROMPTS)}


@pytest.mark.parametrize(
    "params",
    [
        replace(greedy(30), presence_penalty=1.5),
        replace(greedy(30), logprobs=2),
        replace(greedy(30), repetition_penalty=1.3),
    ],
    ids=["presence", "logprobs", "repetition"],
)
def test_tokens_that_decide_what_comes_next_do_not_wait(model: LoadedModel, params: SamplingParams) -> None:
    one_by_one, together = added(model, 0, params), added(model, AT_THE_END, params)
    assert all_said(together) == all_said(one_by_one)
    assert events(together) == events(one_by_one)


def test_nor_do_those_behind_which_a_stop_string_may_come(model: LoadedModel) -> None:
    text = all_said(added(model, 0, greedy(30)))[0].text
    params = replace(greedy(30), stop=(text[8:11],))
    stopped = all_said(added(model, AT_THE_END, params))
    assert stopped == all_said(added(model, 0, params))
    assert stopped[0].reason is FinishReason.STOP


@pytest.mark.parametrize("answer_format", ["qwen3", "harmony", "plain", "think"])
@pytest.mark.parametrize("tokens", [2, 3, 6, 50])
def test_marks_and_ends_are_told_at_once(tmp_path: Path, answer_format: str, tokens: int) -> None:
    """Harmony's `<|end|>` is this tokenizer's end too, so that doesn't count there; the turn ends by `<|call|>`."""
    harmony = answer_format == "harmony"
    pieces = RECITED["harmony" if harmony else "qwen3"]
    after = "<|assistant|>" if harmony else "<think>"
    reciter = load(make_reciter(tmp_path, pieces, after=after))
    prompt = reciter.tokenizer.encode(f"2+2?{after}", add_special_tokens=False).ids
    told = []
    for seconds in (0, AT_THE_END, IN_THE_NEXT_STEP):
        bench = Bench(reciter, tell_seconds=seconds)
        bench.add("0", prompt, greedy(tokens, ignore_eos=harmony), answer_format=answer_format)
        told += all_said(bench)
    assert told[0] == told[1] == told[2]
    assert told[0].tokens[1] == min(tokens, len(pieces) + (-1 if harmony else 1))


def test_the_first_token_is_told_at_once(model: LoadedModel) -> None:
    bench = Bench(model, tell_seconds=AT_THE_END)
    bench.add("0", PROMPTS[0], greedy(30))
    completion = bench.engine._completions["0"]
    bench.step()
    assert bench.recorders["0"].kinds[0] is StartedEvent
    assert (completion.ticket.completion_tokens, completion.sequence.completion_tokens) == (1, 1)
    for _ in range(5):
        bench.step()
    assert (completion.ticket.completion_tokens, completion.sequence.completion_tokens >= 6) == (1, True)


def cancelled(bench: Bench) -> None:
    for number in range(len(PROMPTS)):
        bench.engine.cancel(str(number))


def overdue(bench: Bench) -> None:
    for number in range(len(PROMPTS)):
        bench.engine._completions[str(number)].ticket._accepted -= 1000
    bench.step()


def broken_down(bench: Bench) -> None:
    bench.engine.fail_all("internal", "The engine is broken.")


@pytest.mark.parametrize("end", [cancelled, overdue, broken_down])
def test_what_was_made_is_told_when_it_ends_in_the_middle(model: LoadedModel, end: Callable[[Bench], None]) -> None:
    told = []
    for seconds in (0, AT_THE_END):
        bench = added(model, seconds, greedy(60), deadline_seconds=500)
        for _ in range(12):
            bench.step()
        made = [bench.engine._completions[name].sequence.completion_tokens for name in bench.recorders]
        end(bench)
        assert not bench.engine.busy
        told.append([said(recorder) for recorder in bench.recorders.values()])
        assert [one.tokens[1] for one in told[-1]] == made
    assert told[0] == told[1]


@pytest.mark.parametrize("seconds", [0, IN_THE_NEXT_STEP, AT_THE_END])
def test_a_receiver_that_fails_harms_nobody_else(model: LoadedModel, seconds: float) -> None:
    def refuse(event: Event) -> None:
        raise OSError("gone")

    expected = all_said(added(model, 0, greedy(30)))
    bench = added(model, seconds, greedy(30))
    for _ in range(6):
        bench.step()
    bench.recorders["1"]._on_event = refuse
    told = all_said(bench)
    assert told[1].code == "internal"
    assert [*told[:1], *told[2:]] == [*expected[:1], *expected[2:]]


def test_what_waits_is_told_before_a_failure(model: LoadedModel) -> None:
    """Numbers that aren't finite, from the seventh token on."""
    expected = all_said(added(model, 0, greedy(30)))
    bench = added(model, AT_THE_END, greedy(30))
    run = bench.engine._runner.run

    def poisoning(step: Step, adapters: list[Any]) -> torch.Tensor:
        logits = run(step, adapters)
        rows = [chunk for chunk in step.chunks if chunk.samples for _ in range(1 + len(chunk.draft))]
        for row, chunk in enumerate(rows):
            if chunk.sequence.id == "1" and chunk.sequence.completion_tokens >= 6:
                logits[row] = float("nan")
        return logits

    bench.engine._runner.run = poisoning  # type: ignore[method-assign]
    told = all_said(bench)
    assert (told[1].code, told[1].tokens[1]) == ("non_finite", 6)
    assert told[1].text
    assert expected[1].text.startswith(told[1].text.rstrip("�"))
    assert [*told[:1], *told[2:]] == [*expected[:1], *expected[2:]]


def test_one_that_ends_while_a_step_is_computed_that_fails(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its receiver breaks in between, so there is nothing left of it to be run alone."""
    expected = all_said(added(model, 0, greedy(30)))
    bench = added(model, IN_THE_NEXT_STEP, greedy(30))
    while bench.engine._completions["1"].sequence.completion_tokens < 3:
        bench.step()

    def refuse(event: Event) -> None:
        raise OSError("gone")

    def failing(*given: Any) -> Callable[[], list[int | None]]:
        monkeypatch.undo()

        def chosen() -> list[int | None]:
            raise RuntimeError("boom")

        return chosen

    bench.recorders["1"]._on_event = refuse
    monkeypatch.setattr("engine.text.computing.begin_choosing", failing)
    told = all_said(bench)
    assert told[1].code == "internal"
    assert [*told[:1], *told[2:]] == [*expected[:1], *expected[2:]]
    assert bench.engine._counters.isolated_steps == 1
    assert "Request 1 failed" not in caplog.text
