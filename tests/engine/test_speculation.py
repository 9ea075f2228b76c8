"""Guessing tokens changes how many passes a completion takes, and nothing of what it says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from engine.source import FolderSource
from engine.text.loader import LoadedModel
from engine.types import AdapterRef, SamplingParams
from tests.engine.adapters import make_adapter, merge
from tests.engine.device import ATTENTION
from tests.engine.test_equality import Bench, blocks_of, generated, greedy, load, prompts_of
from tests.engine.tiny import FAMILIES, make_checkpoint

PATTERN = [40, 41, 42, 43, 44, 45, 46]


def repetitive(seed: int) -> list[int]:
    """A prompt whose text comes again in parts, so that guesses are made: right ones and wrong ones."""
    generator = random.Random(seed)
    pieces = [PATTERN[generator.randrange(3) : generator.randrange(4, 8)] for _ in range(6)]
    return [token for piece in pieces for token in piece]


PROMPTS = [repetitive(seed) for seed in range(8)]


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """With small weights and the embedding as their output layer, they say again what was said, sometimes."""
    root = tmp_path_factory.mktemp("echoing")
    changes = {"initializer_range": 0.2, "tie_word_embeddings": True}
    return {family: make_checkpoint(root / family, family, **changes) for family in FAMILIES}


def run(model: LoadedModel, prompts: list[list[int]], params: SamplingParams, **settings: Any) -> tuple[Bench, Any]:
    """One after the other; the bench and all completions."""
    bench = Bench(model, **settings)
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, params)
        bench.run()
    return bench, [bench.completion(str(number), prompt) for number, prompt in enumerate(prompts)]


def guesses(bench: Bench) -> tuple[int, int]:
    counters = bench.engine._counters
    return counters.drafted_tokens, counters.accepted_tokens


@pytest.mark.parametrize(
    ("family", "attention"),
    [*((family, ATTENTION) for family in FAMILIES), ("Llama", "reference"), ("Llama", "gathered")],
)
def test_alone_greedy_equals_generate(echoing: dict[str, Path], family: str, attention: str) -> None:
    bench, completions = run(load(echoing[family]), PROMPTS[:3], greedy(), attention=attention)
    assert completions == generated(echoing[family], PROMPTS[:3])
    drafted, accepted = guesses(bench)
    assert 0 < accepted < drafted
    assert bench.engine._counters.completion_tokens == 120


def test_through_an_adapter_it_equals_the_merged_model(echoing: dict[str, Path], tmp_path: Path) -> None:
    """All rows of a guess go through the adapter, whichever way they are grouped."""
    adapter = make_adapter(tmp_path / "one", echoing["Llama"])
    expected = generated(merge(echoing["Llama"], adapter, tmp_path / "merged", lambda _: 2.0), PROMPTS[:3], tokens=30)
    bench = Bench(load(echoing["Llama"]), FolderSource(one=adapter))
    for number, prompt in enumerate(PROMPTS[:3]):
        bench.add(str(number), prompt, greedy(30), adapter=AdapterRef("one", "m"))
        bench.add(f"base {number}", prompt, greedy(30))
    bench.run()
    assert [bench.completion(str(number), prompt) for number, prompt in enumerate(PROMPTS[:3])] == expected
    assert guesses(bench)[0] > 0


@pytest.mark.parametrize("seed", range(3))
def test_in_a_crowd_that_comes_and_goes(echoing: dict[str, Path], seed: int) -> None:
    generator = random.Random(seed)
    lengths = [generator.randrange(1, 40) for _ in PROMPTS]
    expected = generated(echoing["Llama"], PROMPTS, tokens=40)
    bench = Bench(load(echoing["Llama"]), max_sequences=4, prefill_tokens=24)
    for number, (prompt, length) in enumerate(zip(PROMPTS, lengths, strict=True)):
        bench.add(str(number), prompt, greedy(length))
        for _ in range(generator.randrange(8)):
            bench.step()
    bench.run()
    for number, (prompt, length) in enumerate(zip(PROMPTS, lengths, strict=True)):
        assert bench.completion(str(number), prompt) == expected[number][:length]
    assert guesses(bench)[1] > 0


def test_with_known_beginnings_and_preempted(echoing: dict[str, Path]) -> None:
    """The second round finds what the first one wrote, which must be free of guesses that were wrong."""
    beginning = repetitive(99)
    prompts = [beginning + prompt[:9] for prompt in PROMPTS]
    expected = generated(echoing["Llama"], prompts)
    bench = Bench(load(echoing["Llama"], max_context=112), max_context=112)
    limited = blocks_of(bench, 13)
    for turn in ("a", "b"):
        for number, prompt in enumerate(prompts):
            bench.add(f"{turn}{number}", prompt, greedy())
        bench.run()
        for number, prompt in enumerate(prompts):
            assert bench.completion(f"{turn}{number}", prompt) == expected[number]
    continued = [prompt + tokens[:30] for prompt, tokens in zip(prompts, expected, strict=True)]
    for number, prompt in enumerate(continued):
        bench.add(f"c{number}", prompt, greedy(10))
        bench.run()
        assert bench.completion(f"c{number}", prompt) == expected[number][30:]
    assert guesses(bench)[1] > 0
    assert bench.engine._counters.preemptions > 0
    assert bench.engine._counters.prefix_hit_tokens > 0
    assert limited.available == limited.total


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=0.3, seed=5, max_tokens=40, ignore_eos=True),
        SamplingParams(temperature=0.4, top_p=0.9, top_k=40, seed=6, max_tokens=40, ignore_eos=True),
        SamplingParams(temperature=0.5, seed=7, max_tokens=40, ignore_eos=True, logit_bias={41: 4.0, 43: -5.0}),
        SamplingParams(temperature=0, max_tokens=40, ignore_eos=True, logit_bias={41: 8.0, 42: 8.0}),
    ],
)
def test_drawn_tokens_are_those_that_are_drawn_without(echoing: dict[str, Path], params: SamplingParams) -> None:
    model = load(echoing["Llama"])
    bench, with_guesses = run(model, PROMPTS[:2], params)
    _, without = run(model, PROMPTS[:2], params, speculate=False)
    assert with_guesses == without
    assert guesses(bench)[0] > 0


@pytest.mark.parametrize(
    "changes", [{"repetition_penalty": 1.3}, {"presence_penalty": 0.5}, {"frequency_penalty": 0.5}, {"logprobs": 2}]
)
def test_where_earlier_tokens_count_nothing_is_guessed(echoing: dict[str, Path], changes: dict[str, Any]) -> None:
    bench, _ = run(load(echoing["Llama"]), PROMPTS[:2], SamplingParams(temperature=0, max_tokens=20, **changes))
    assert guesses(bench) == (0, 0)


@pytest.mark.parametrize("ignore_eos", [True, False])
def test_stop_strings_ends_and_lengths_are_the_same(echoing: dict[str, Path], ignore_eos: bool) -> None:
    """An end in the midst of a guess that was right ends the completion there."""
    model, prompts = load(echoing["Llama"]), PROMPTS[4:]
    plain, tokens = run(model, prompts, greedy(30))
    stops = tuple({plain.recorders[str(number)].text[12:14] for number in range(len(prompts))})
    ends = frozenset(completion[20] for completion in tokens)
    for params, eos in (
        (SamplingParams(temperature=0, max_tokens=30, stop=stops, ignore_eos=ignore_eos), frozenset[int]()),
        (SamplingParams(temperature=0, max_tokens=30, ignore_eos=ignore_eos), ends),
    ):
        changed = LoadedModel(**{name: getattr(model, name) for name in LoadedModel.__slots__} | {"eos_ids": eos})
        told = []
        for speculate in (True, False):
            bench, _ = run(changed, prompts, params, speculate=speculate)
            recorders = [bench.recorders[str(number)] for number in range(len(prompts))]
            last = [one.finish() for one in recorders]
            told.append(
                [(one.text, end.reason, end.usage.completion_tokens) for one, end in zip(recorders, last, strict=True)]
            )
            assert (guesses(bench)[0] > 0) == speculate
        assert told[0] == told[1]


def test_more_sequences_than_rows_guess_nothing(echoing: dict[str, Path]) -> None:
    bench = Bench(load(echoing["Llama"]), max_sequences=20)
    for number in range(20):
        bench.add(str(number), PROMPTS[0] + prompts_of([1])[0], greedy(20))
    while not bench.engine._counters.completion_tokens >= 40:
        bench.step()
    assert guesses(bench) == (0, 0)
