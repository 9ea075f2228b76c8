"""The sampler against transformers' logits processors, and its promises about seeds."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import example, given, settings
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from engine.text.draw import NOT_FINITE, UNDECIDED, WIDTHS, Draw, tried
from engine.text.masks import rule_out
from engine.text.sampler import Chooser, begin_choosing, choose
from engine.types import SamplingParams
from tests.engine.device import DEVICE


def processed(logits: torch.Tensor, seen: list[int], params: SamplingParams) -> torch.Tensor:
    """Probabilities `[vocabulary]` as transformers has them, in the order of its `generate`."""
    processors = LogitsProcessorList()
    if params.repetition_penalty != 1:
        processors.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
    if params.temperature != 1:
        processors.append(TemperatureLogitsWarper(params.temperature))
    if params.top_k:
        processors.append(TopKLogitsWarper(params.top_k))
    if params.top_p < 1:
        processors.append(TopPLogitsWarper(params.top_p))
    if params.min_p:
        processors.append(MinPLogitsWarper(params.min_p))
    return processors(torch.tensor([seen]), logits[None].clone())[0].softmax(-1)


def expected(probabilities: torch.Tensor, uniform: float) -> set[int]:
    """The tokens that inverse transform sampling may return, most probable first; several where rounding decides.

    Rounding also decides about the last token that top-p keeps, and with it about the sum of the others. Where that
    token is one of few it weighs more than 1e-4, and then its sum isn't as close to top-p.
    """
    values, tokens = probabilities.double().sort(descending=True)
    cumulated = values.cumsum(0) / values.sum()
    slack = 5e-6 + min(1e-4, float(values[values > 0][-1]))
    first, last = (int(torch.searchsorted(cumulated, uniform + off)) for off in (-slack, slack))
    return set(tokens[first : last + 1].tolist())


class Fixed(Chooser):
    """A chooser whose uniform number is given."""

    def __init__(self, params: SamplingParams, seen: list[int], number: float) -> None:
        super().__init__(params, 0, seen)
        self.number = number

    def uniform(self, position: int) -> float:
        return self.number


@settings(max_examples=300, deadline=None)
@example(1083739, 1.0, 5000, 0.999, 0.0, 1.0, 0.5, 0.4375, 6000)
@given(
    st.integers(0, 2**31), st.sampled_from([0.3, 0.7, 1.0, 1.6]), st.sampled_from([0, 1, 5, 256, 257, 900, 5000]),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999, 1.0]), st.sampled_from([0.0, 0.001, 0.05, 1.0]),
    st.sampled_from([0.8, 1.0, 1.3]), st.sampled_from([0.5, 2.0, 8.0]), st.floats(0, 0.999999),
    st.sampled_from([300, 6000]),
)  # fmt: skip
def test_it_draws_from_the_distribution_of_transformers(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float, penalty: float, spread: float,
    uniform: float, vocabulary: int,
) -> None:  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(vocabulary, generator=generator) * spread
    seen = torch.randint(vocabulary, (20,), generator=generator).tolist()
    params = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, repetition_penalty=penalty)
    probabilities = processed(logits, seen, params)
    chooser = Fixed(params, seen, uniform)
    other = Fixed(SamplingParams(temperature=1.3), seen, 0.5)
    rows = torch.stack([torch.randn(vocabulary), logits, torch.randn(vocabulary)])
    token = choose(rows.to(DEVICE), [other, chooser, other], [0, 0, 0])[1]
    assert token is not None
    assert probabilities[token] > 0
    assert token in expected(probabilities, uniform)


@pytest.mark.parametrize("vocabulary", [40, 300, 6000])
def test_what_is_drawn_without_waiting_is_what_is_drawn(vocabulary: int) -> None:
    """Where the first few tokens decide; elsewhere it says that they don't, and what isn't finite is told apart."""
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(60, vocabulary, generator=generator) * 4
    logits[7, 3], logits[8] = math.nan, -math.inf
    params = [
        SamplingParams(temperature=t, top_k=k, top_p=p, min_p=m)
        for t in (0.4, 1.0, 3.0) for k in (0, 1, 5, 400) for p in (0.5, 0.95, 1.0) for m in (0.0, 0.05)
    ][:60]  # fmt: skip
    numbers = torch.rand(60, generator=generator).tolist()
    found = tried(logits.to(DEVICE), Draw.of(params, numbers, torch.device(DEVICE))).tolist()
    expected = choose(
        logits.clone().to(DEVICE), [Fixed(one, [0], u) for one, u in zip(params, numbers, strict=True)], [0] * 60
    )
    assert [row for row, token in enumerate(found) if token == NOT_FINITE] == [7, 8]
    undecided = [row for row, token in enumerate(found) if token == UNDECIDED]
    assert bool(undecided) == (vocabulary > WIDTHS[0])
    assert all(found[row] == expected[row] for row in range(60) if found[row] >= 0)


def test_ties_at_the_kth_place_are_kept_as_in_transformers() -> None:
    logits = torch.zeros(1000)
    logits[:3] = 1.0
    params = SamplingParams(top_k=5)
    drawn = {choose(logits[None].clone(), [Fixed(params, [0], u / 400)], [0])[0] for u in range(400)}
    assert len(drawn) > 300
    assert int((processed(logits, [0], params) > 0).sum()) == 1000


def test_greedy_takes_the_penalty_into_account() -> None:
    logits = torch.tensor([[2.0, 1.9, -1.0]])
    chooser = Chooser(SamplingParams(temperature=0, repetition_penalty=1.5), 0, [0])
    assert choose(logits.clone(), [chooser], [0]) == [1]
    chooser.chosen(1)
    assert choose(logits.clone(), [chooser], [1]) == [0]


@pytest.mark.parametrize("temperature", [1e-6, 1e-38, 5e-324])
def test_a_temperature_too_low_to_divide_by_is_greedy(temperature: float) -> None:
    logits = torch.randn(1, 50) * 10
    assert choose(logits.clone(), [Chooser(SamplingParams(temperature=temperature), 1, [0])], [0]) == [
        int(logits.argmax())
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_row_that_is_not_finite_has_no_token_and_harms_no_other(bad: float) -> None:
    logits = torch.randn(3, 50)
    logits[1, 7] = bad
    choosers = [Chooser(SamplingParams(temperature=t), 1, [0]) for t in (0, 1, 1)]
    first, second, third = choose(logits.clone().to(DEVICE), choosers, [0, 0, 0])
    assert second is None
    assert first == int(logits[0].argmax())
    assert third is not None


def test_the_same_seed_draws_the_same_whatever_is_beside_it() -> None:
    logits = torch.randn(20, 5000, generator=torch.Generator().manual_seed(3))
    params = SamplingParams(temperature=0.9, top_p=0.95)

    def draws(beside: int) -> list[int | None]:
        chooser = Chooser(params, 42, [0])
        others = [Chooser(params, number, [0]) for number in range(beside)]
        return [
            choose(torch.stack([row] * (1 + beside)), [*others, chooser], [step] * (1 + beside))[-1]
            for step, row in enumerate(logits)
        ]

    assert draws(0) == draws(1) == draws(7)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_most_probable_tokens_may_be_asked_for_before_they_are_needed(bad: float) -> None:
    """A row that is not finite fails alone. −∞ alone is no failure: a token that is ruled out."""
    logits = torch.randn(4, 50)
    logits[1, 7], logits[2] = bad, -math.inf
    told = []
    for begin in (begin_choosing, lambda *given: lambda: choose(*given)):
        choosers = [Chooser(SamplingParams(temperature=0), 1, [0]) for _ in range(4)]
        assert all(chooser.is_plain for chooser in choosers)
        chosen = begin(logits.clone().to(DEVICE), choosers, [0] * 4)
        told.append((chosen(), [chooser.failure[0] for chooser in choosers]))
    assert told[0] == told[1]
    assert told[0][0][2] is None
    assert told[0][1] == ["", "" if bad == -math.inf else "non_finite", "non_finite", ""]


def test_asking_again_for_the_same_position_draws_no_new_number() -> None:
    chooser = Chooser(SamplingParams(), 5, [0])
    first = chooser.uniform(0)
    assert chooser.uniform(0) == first
    assert chooser.uniform(1) != first


def test_a_number_just_below_one_draws_no_token_that_is_out_of_the_question() -> None:
    """As a float it would be one: then the draw would be that of the least probable token there is."""
    logits = torch.linspace(-30, -31, 6000)
    logits[7] = 0
    chooser = Chooser(SamplingParams(), 5, [0])
    chooser._drawn = [1 - 2**-40]
    assert choose(logits[None].to(DEVICE), [chooser], [0]) == [7]


def test_a_format_rules_out_what_it_does_not_allow() -> None:
    logits = torch.randn(4, 43)
    allowed = torch.rand(2, 48) < 0.3
    allowed[1, :43] = False
    masks = [bytes(sum(int(bit) << place for place, bit in enumerate(row[at : at + 8])) for at in range(0, 48, 8))
             for row in allowed.tolist()]  # fmt: skip
    changed = logits.clone().to(DEVICE)
    assert rule_out(changed, [3, 1], masks) == [1]
    wanted = logits.clone()
    wanted[3] = logits[3].masked_fill(~allowed[0, :43], -math.inf)
    wanted[1] = -math.inf
    assert torch.equal(changed.cpu(), wanted)


def test_a_seed_gives_the_numbers_that_its_generator_gives_one_by_one() -> None:
    chooser, generator = Chooser(SamplingParams(seed=5), 5, []), torch.Generator().manual_seed(5)
    singly = [float(torch.rand((), dtype=torch.float64, generator=generator)) for _ in range(100)]
    assert [chooser.uniform(position) for position in (70, *range(100))] == [singly[70], *singly]
