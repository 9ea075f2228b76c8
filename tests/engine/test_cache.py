"""The paged cache in the whole engine: its size, who shares it, and how prompts are read beside running completions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from engine.config import EngineConfig
from engine.text.attention.shape import CacheShape
from engine.text.budget import TooSmall, blocks_for
from engine.text.loader import LoadedModel
from engine.text.pacing import FEWEST, Pacing
from engine.types import FinishEvent, FinishReason
from tests.engine.test_equality import Bench, greedy, load, prompts_of

SHAPE = CacheShape(30, 9, 3, 64, 64, torch.float32, torch.device("cpu"))
"""SmolLM2-135M's: 46,080 bytes a token in float32."""
PROMPT = prompts_of([50])[0]


@pytest.fixture(scope="module")
def model(checkpoints: dict[str, Path]) -> LoadedModel:
    return load(checkpoints["Llama"])


def hits(bench: Bench, request: str, **whose: str) -> int:
    """Run the prompt to its end: how many of its tokens were found."""
    before = bench.engine._counters.prefix_hit_tokens
    bench.add(request, PROMPT, greedy(3), **whose)
    bench.run()
    return bench.engine._counters.prefix_hit_tokens - before


def test_a_tenant_finds_its_own_beginnings_and_nobody_else_s(model: LoadedModel) -> None:
    bench = Bench(model)
    assert hits(bench, "1", tenant="lighthouse", user="ada") == 0
    assert hits(bench, "2", tenant="lighthouse", user="ben") == 48
    assert hits(bench, "3", tenant="harbour", user="ada") == 0


def test_tenants_share_where_the_administrator_says_so(model: LoadedModel) -> None:
    bench = Bench(model, share_prefixes=True)
    hits(bench, "1", tenant="lighthouse")
    assert hits(bench, "2", tenant="harbour") == 48


def test_without_a_prefix_cache_everything_is_computed(model: LoadedModel) -> None:
    bench = Bench(model, prefix_cache=False)
    hits(bench, "1")
    assert hits(bench, "2") == 0


def test_the_cache_keeps_within_its_budget() -> None:
    token = SHAPE.bytes_per_token
    assert token == 46_080
    blocks = blocks_for(SHAPE, EngineConfig(cache_mb=200), 2048)
    assert 199 * 2**20 < blocks * 16 * token <= 200 * 2**20
    assert blocks_for(SHAPE, EngineConfig(max_sequences=2), 100) == 14
    with pytest.raises(TooSmall, match="needs 90 MiB of cache, and only 50 MiB are allowed"):
        blocks_for(SHAPE, EngineConfig(cache_mb=50), 2048)


def test_a_thousand_requests_leave_nothing_behind(model: LoadedModel) -> None:
    bench = Bench(model, max_sequences=16, cache_mb=1)
    size, blocks = bench.engine.cache_bytes, bench.engine._blocks
    for number in range(1000):
        bench.add(str(number), PROMPT[: 1 + number % 20], greedy(1 + number % 3), user=f"user {number}")
        if number % 50 == 49:
            bench.run()
    assert bench.engine.cache_bytes == size <= 2**20
    assert blocks.available == blocks.total
    assert not bench.engine._completions
    assert len(bench.engine._scheduler._shares._used) <= 1000


def test_a_deadline_ends_a_completion_with_what_it_has(model: LoadedModel) -> None:
    bench = Bench(model)
    bench.add("late", PROMPT, greedy(400), deadline_seconds=0.05)
    bench.add("other", PROMPT, greedy(5))
    bench.run()
    last = bench.recorders["late"].finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "deadline")
    assert last.usage.completion_tokens < 400
    assert bench.recorders["other"].finish().reason == "length"


def test_priority_goes_first(model: LoadedModel) -> None:
    bench = Bench(model, max_sequences=1)
    for name, priority in (("running", 0), ("low", 0), ("high", 5)):
        bench.add(name, PROMPT, greedy(2), priority=priority)
        if name == "running":
            bench.step()
    order = []
    while bench.engine.busy:
        bench.step()
        order += [name for name, one in bench.recorders.items() if name not in order and FinishEvent in one.kinds]
    assert order == ["running", "high", "low"]


class Device:
    """Its steps take `base` seconds until the tokens of a step cost more than that."""

    def __init__(self, base: float, token: float) -> None:
        self.base, self.token = base, token

    def seconds(self, tokens: int) -> float:
        return max(self.base, self.token * tokens)


@pytest.mark.parametrize("device", [Device(0.03, 0.001), Device(0.01, 0.0001), Device(0.001, 0.002)])
def test_steps_with_prompts_stay_within_their_factor_of_steps_without(device: Device) -> None:
    pacing, decoding = Pacing(1024, 2.0), 8
    for _ in range(10):
        pacing.took(decoding, device.seconds(decoding))
    for _ in range(200):
        tokens = decoding + pacing.prefill_tokens(decoding)
        pacing.took(tokens, device.seconds(tokens))
    chosen = pacing.prefill_tokens(decoding)
    allowed = 2.0 * device.seconds(decoding)
    assert chosen == FEWEST or device.seconds(decoding + chosen) <= allowed * 1.2
    assert device.seconds(decoding + chosen * 2) > allowed * 0.8, "it reads as much as it may"
    assert pacing.prefill_tokens(0) == 1024


def test_without_a_factor_prompts_are_read_in_full_chunks() -> None:
    assert Pacing(256, math.inf).prefill_tokens(8) == 256
