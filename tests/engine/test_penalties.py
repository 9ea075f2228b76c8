"""Logit bias and penalties against their formulas and against transformers."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from transformers import RepetitionPenaltyLogitsProcessor, SequenceBiasLogitsProcessor

from engine.text.penalties import Adjustments, adjust
from engine.text.sampler import Chooser, choose
from engine.types import SamplingParams
from tests.engine.device import DEVICE

VOCABULARY = 150
TOKENS = st.lists(st.integers(0, VOCABULARY - 1), max_size=200)
ROWS = st.tuples(
    TOKENS, TOKENS,
    st.sampled_from([0.0, -2.0, 0.7, 2.0]), st.sampled_from([0.0, -1.5, 0.3]), st.sampled_from([1.0, 0.8, 1.3]),
    st.dictionaries(st.integers(0, VOCABULARY - 1), st.floats(-100, 100, width=32), max_size=80),
)  # fmt: skip


def expected(logits: torch.Tensor, prompt: list[int], completion: list[int], params: SamplingParams) -> torch.Tensor:
    """`[vocabulary]`: the formulas of the OpenAI documentation, and transformers' processors before them."""
    scores, ids = logits[None].clone(), torch.tensor([prompt + completion], dtype=torch.int64)
    if params.logit_bias:
        biases = {(token,): bias for token, bias in params.logit_bias.items()}
        scores = SequenceBiasLogitsProcessor(biases)(ids, scores)  # the list's form refuses token 0 in 5.17
    if params.repetition_penalty != 1:
        scores = RepetitionPenaltyLogitsProcessor(params.repetition_penalty)(ids, scores)
    for token, count in Counter(completion).items():
        scores[0, token] -= count * params.frequency_penalty + params.presence_penalty
    return scores[0]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**31), st.lists(ROWS, min_size=1, max_size=6))
def test_rows_change_as_the_formulas_say(
    seed: int, rows: list[tuple[list[int], list[int], float, float, float, dict[int, float]]]
) -> None:
    logits = torch.randn(len(rows), VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 5
    before, adjustments, wanted = logits.clone(), [], []
    for row, (prompt, completion, presence, frequency, repetition, bias) in enumerate(rows):
        params = SamplingParams(
            presence_penalty=presence, frequency_penalty=frequency, repetition_penalty=repetition, logit_bias=bias
        )
        adjustments.append(Adjustments(params, prompt))
        for token in completion:
            adjustments[-1].chosen(token)
        wanted.append(expected(before[row], prompt, completion, params))
    changed = logits.to(DEVICE)
    adjust(changed, adjustments)
    torch.testing.assert_close(changed.cpu(), torch.stack(wanted), rtol=1e-5, atol=1e-4)


def test_plain_rows_are_left_alone_to_the_bit() -> None:
    logits = torch.randn(3, VOCABULARY)
    before = logits.clone()
    some = Adjustments(SamplingParams(logit_bias={4: 1.0}), [1])
    adjust(logits, [Adjustments(SamplingParams(), [1, 2]), some, Adjustments(SamplingParams(), [])])
    assert torch.equal(logits[0], before[0])
    assert torch.equal(logits[2], before[2])
    assert logits[1].ne(before[1]).nonzero().flatten().tolist() == [4]


def test_presence_and_frequency_count_the_completion_only() -> None:
    adjustments = Adjustments(SamplingParams(presence_penalty=1.0, frequency_penalty=0.5), [5, 5, 5])
    assert adjustments.size == 0
    for token in (7, 7, 8):
        adjustments.chosen(token)
    logits = torch.zeros(1, 10)
    adjust(logits, [adjustments])
    assert logits[0].tolist() == [0, 0, 0, 0, 0, 0, 0, -2.0, -1.5, 0]


def test_looking_twice_at_the_same_step_penalises_once() -> None:
    chooser = Chooser(SamplingParams(temperature=0, frequency_penalty=1.0), 0, [0])
    logits = torch.tensor([[2.0, 1.5, 0.0]])
    chooser.chosen(0)
    assert choose(logits.clone(), [chooser], [1]) == choose(logits.clone(), [chooser], [1]) == [1]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_bias_forces_and_bans(temperature: float) -> None:
    logits = torch.randn(2, 50)
    banned = int(logits[1].argmax())
    choosers = [
        Chooser(SamplingParams(temperature=temperature, logit_bias={17: 100}), 1, [0]),
        Chooser(SamplingParams(temperature=temperature, logit_bias={banned: -100}), 1, [0]),
    ]
    first, second = choose(logits, choosers, [0, 0])
    assert first == 17
    assert second != banned
