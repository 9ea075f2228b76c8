"""Every fast path beside its slow reference: folded attention, packed matrices, the growing cache."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from engine.text.attention import plan_attention, slot_attention
from engine.text.cache import SlotCache
from engine.text.linear import PackedLinear, can_pack, pack_linears
from engine.text.scheduler import Chunk, Step
from engine.text.sequence import Sequence

CPU = torch.device("cpu")
HEADS, DIM = 2, 8


class Layer(nn.Module):
    layer_idx = 0


def chunk(slot: int, start: int, count: int) -> Chunk:
    return Chunk(Sequence(f"s{slot}", list(range(start + count))), slot, start, count)


def reference(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, start: int) -> torch.Tensor:
    """query `[Hq, n, D]`, keys and values `[Hkv, start+n, D]`; plain attention in float64, `[n, Hq, D]`."""
    group = query.shape[0] // keys.shape[0]
    keys, values = (one.double().repeat_interleave(group, 0) for one in (keys, values))
    scores = query.double() @ keys.transpose(1, 2) * DIM**-0.5
    count, length = scores.shape[1:]
    later = torch.arange(length) > torch.arange(start, start + count)[:, None]
    return (scores.masked_fill(later, float("-inf")).softmax(-1) @ values).transpose(0, 1).float()


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_attention_equals_the_plain_formula(group: int, seed: int) -> None:
    generator = random.Random(seed)
    torch.manual_seed(seed)
    slots = generator.sample(range(6), 5)
    decoding, reading = sorted(slots[:3]), slots[3:]
    step = Step(
        decodes=[chunk(slot, generator.randrange(1, 30), 1) for slot in decoding],
        prefills=[chunk(slot, generator.choice([0, 0, 9, 20]), generator.randrange(1, 12)) for slot in reading],
    )
    cache = SlotCache(
        layers=1, kv_heads=HEADS, head_dim=DIM, max_slots=8, max_tokens=64, dtype=torch.float32, device=CPU
    )
    cache.reserve(6, 40)
    for stored in (cache.keys[0], cache.values[0]):
        stored.normal_()  # what earlier owners left behind must not matter
    before = cache.keys[0].clone(), cache.values[0].clone()
    query = torch.randn(1, HEADS * group, step.tokens, DIM)
    key, value = torch.randn(1, HEADS, step.tokens, DIM), torch.randn(1, HEADS, step.tokens, DIM)
    plan = plan_attention(step, cache, group=group, dtype=torch.float32, device=CPU)
    output, _ = slot_attention(Layer(), query, key, value, None, scaling=DIM**-0.5, plan=plan)
    row = 0
    for one in step.chunks:
        rows = slice(row, row + one.count)
        keys, values = (
            torch.cat([old[one.slot, :, : one.start], new[0, :, rows]], dim=1)
            for old, new in zip(before, (key, value), strict=True)
        )
        expected = reference(query[0, :, rows], keys, values, one.start)
        torch.testing.assert_close(output[0, rows], expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(cache.keys[0][one.slot, :, : one.end], keys)
        row += one.count


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_packed_matrices_multiply_like_plain_ones(dtype: torch.dtype, bias: bool) -> None:
    if not can_pack(dtype, CPU):
        pytest.skip(f"this CPU has no packed matrices in {dtype}")
    plain = nn.Linear(96, 160, bias=bias, dtype=dtype)
    packed = PackedLinear(plain)
    for rows in (1, 2, 8, 33, 256):
        inputs = torch.randn(1, rows, 96, dtype=dtype)
        torch.testing.assert_close(
            packed(inputs), plain(inputs), rtol=1.6e-2 if dtype is torch.bfloat16 else 1e-5, atol=1e-5
        )


def test_packing_replaces_every_linear_layer() -> None:
    module = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 4)))
    assert pack_linears(module) == 2
    assert not any(type(one) is nn.Linear for one in module.modules())


def test_the_cache_grows_and_keeps_what_is_in_it() -> None:
    cache = SlotCache(
        layers=2, kv_heads=HEADS, head_dim=DIM, max_slots=6, max_tokens=700, dtype=torch.float32, device=CPU
    )
    cache.reserve(2, 10)
    assert cache.keys[0].shape == (2, HEADS, 256, DIM)
    kept = cache.keys[1][1, :, :10].normal_().clone()
    cache.reserve(5, 600)
    assert cache.keys[1].shape == (6, HEADS, 700, DIM)
    assert torch.equal(cache.keys[1][1, :, :10], kept)
    assert not cache.keys[1][1, :, 10:].any()
    cache.move(1, 3, 10)
    assert torch.equal(cache.keys[1][3, :, :10], kept)
    cache.clear(1)
    assert not cache.keys[1][1].any()
    cache.release()
    assert cache.nbytes == 0


def test_enlarging_that_fails_half_way_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = SlotCache(
        layers=3, kv_heads=HEADS, head_dim=DIM, max_slots=8, max_tokens=64, dtype=torch.float32, device=CPU
    )
    cache.reserve(1, 20)
    kept = [layer[0, :, :20].normal_().clone() for layer in cache.values]
    zeros, calls = cache._zeros, iter(range(100))

    def failing(slots: int, tokens: int) -> torch.Tensor:
        if next(calls) == 4:
            raise torch.OutOfMemoryError("full")
        return zeros(slots, tokens)

    monkeypatch.setattr(cache, "_zeros", failing)
    with pytest.raises(torch.OutOfMemoryError):
        cache.reserve(8, 20)
    cache.reserve(2, 20)
    assert all(torch.equal(layer[0, :, :20], old) for layer, old in zip(cache.values, kept, strict=True))
    assert all(layer.shape[0] >= 2 for layer in (*cache.keys, *cache.values))
