"""Every way of computing attention beside the plain formula in float64, on caches full of others' numbers."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from engine.text.attention.backend import Backend, Variant
from engine.text.attention.choice import is_right
from engine.text.attention.gathered import GatheredBackend, Prepared
from engine.text.attention.native import NativeBackend
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.reference import ReferenceBackend
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

BACKENDS = [ReferenceBackend, GatheredBackend, NativeBackend]
BLOCKS = 64


def shape(group: int = 3, dim: int = 32, dtype: torch.dtype = torch.float32, **changes: object) -> CacheShape:
    settings = {
        "layers": 2, "query_heads": 2 * group, "kv_heads": 2, "key_dim": dim, "value_dim": dim, "dtype": dtype,
        "device": torch.device("cpu"),
    } | changes  # fmt: skip
    return CacheShape(**settings)


class Text:
    """One sequence: all its keys and values, and the blocks they go to."""

    def __init__(self, length: int, blocks: list[int], of: CacheShape) -> None:
        self.length = length
        self.blocks = [blocks.pop() for _ in range(-(-length // BLOCK_SIZE))]
        self.keys = torch.randn(of.kv_heads, length, of.key_dim)
        self.values = (
            self.keys[..., : of.value_dim] if of.values_in_keys else torch.randn(of.kv_heads, length, of.value_dim)
        )

    def formula(self, query: torch.Tensor, start: int, variant: Variant) -> torch.Tensor:
        """query `[Hq, n, D]` of the tokens `start …`; plain attention in float64, `[n, Hq, Dv]`."""
        count, group = query.shape[1], query.shape[0] // self.keys.shape[0]
        keys, values = (
            one[:, : start + count].double().repeat_interleave(group, 0) for one in (self.keys, self.values)
        )
        scores = query.double() @ keys.transpose(1, 2) * variant.scale
        if variant.softcap:
            scores = variant.softcap * torch.tanh(scores / variant.softcap)
        for row in range(count):
            scores[:, row, start + row + 1 :] = float("-inf")
            if variant.window:
                scores[:, row, : max(0, start + row + 1 - variant.window)] = float("-inf")
        weights = scores.exp()
        total = weights.sum(-1, keepdim=True)
        if variant.sinks is not None:
            total = total + variant.sinks.double().exp()[:, None, None]
        return (weights / total @ values).transpose(0, 1)


def check(
    kind: type[Backend], of: CacheShape, variant: Variant, seed: int, tolerance: float = 1e-5, longest: int = 90
) -> None:
    """Several texts, computed in chunks of random sizes that meet in random passes."""
    if not kind.supports(of):
        pytest.skip(f"{kind.name} doesn't do this shape here")
    generator = random.Random(seed)
    torch.manual_seed(seed)
    backend = kind(of, BLOCKS)
    for cached in (*backend.keys, *backend.values):  # type: ignore[attr-defined]
        cached.fill_(float("nan"))  # what earlier owners left behind must not matter
    free = generator.sample(range(BLOCKS), BLOCKS)
    texts = [Text(generator.randrange(1, longest), free, of) for _ in range(4)]
    done = [0] * len(texts)
    while any(place < text.length for place, text in zip(done, texts, strict=True)):
        chunks, row = [], 0
        chosen = [
            number for number, text in enumerate(texts) if done[number] < text.length and generator.random() < 0.8
        ]
        for number in chosen:
            left = texts[number].length - done[number]
            count = min(left, generator.choice([1, 1, 2, 7, 16, 40, longest]))
            chunks.append((number, PlannedChunk(row, done[number], count, texts[number].blocks)))
            row += count
        if not chunks:
            continue
        query = torch.randn(row, of.query_heads, of.key_dim).transpose(0, 1)  # strided, as the modelling code has it
        spans = [(texts[number], chunk) for number, chunk in chunks]
        key, value = (
            torch.cat([getattr(text, name)[:, chunk.start : chunk.end] for text, chunk in spans], 1).to(of.dtype)
            for name in ("keys", "values")
        )
        plan = backend.plan([chunk for _, chunk in chunks])
        output = backend.attend(1, query.to(of.dtype), key, value, variant, plan)
        for number, chunk in chunks:
            rows = slice(chunk.row, chunk.row + chunk.count)
            expected = texts[number].formula(query[:, rows], chunk.start, variant)
            torch.testing.assert_close(output[rows].double(), expected, rtol=tolerance, atol=tolerance)
            done[number] = chunk.end


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("group", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_grouped_queries(kind: type[Backend], group: int, seed: int) -> None:
    check(kind, shape(group), Variant(32**-0.5), seed)


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize(
    "variant",
    [
        Variant(0.2, window=5),
        Variant(0.2, window=16),
        Variant(0.2, window=40),
        Variant(0.3, softcap=2.0),
        Variant(0.2, sinks=torch.linspace(-1, 3, 6)),
        Variant(0.2, window=9, softcap=3.0, sinks=torch.linspace(2, -1, 6)),
    ],
)
def test_windows_softcaps_and_sinks(kind: type[Backend], variant: Variant) -> None:
    for seed in range(3):
        check(kind, shape(3), variant, seed)


@pytest.mark.parametrize("kind", BACKENDS)
def test_long_chunks(kind: type[Backend]) -> None:
    for seed, variant in enumerate((Variant(0.2), Variant(0.2, window=40, sinks=torch.linspace(-1, 3, 6)))):
        check(kind, shape(3), variant, seed, longest=228)


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("dim", [16, 64, 96, 128, 256])
def test_head_sizes(kind: type[Backend], dim: int) -> None:
    check(kind, shape(2, dim), Variant(dim**-0.5), 5)


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("variant", [Variant(32**-0.5), Variant(32**-0.5, window=21)])
@pytest.mark.parametrize("seed", range(3))
def test_bfloat16(kind: type[Backend], variant: Variant, seed: int) -> None:
    check(kind, shape(3, dtype=torch.bfloat16), variant, seed, tolerance=4e-2)


@pytest.mark.parametrize("sharpness", [1, 4])
def test_in_bfloat16_little_is_lost_but_by_rounding_the_result(sharpness: int) -> None:
    of, text = shape(3, dim=64, dtype=torch.bfloat16), 700
    torch.manual_seed(0)
    query = (sharpness * torch.randn(of.query_heads, text, of.key_dim)).bfloat16()
    key, value = torch.randn(2, of.kv_heads, text, of.key_dim).bfloat16()
    chunk = [PlannedChunk(0, 0, text, list(range(1, 45)))]
    own, exact = NativeBackend(of, BLOCKS), ReferenceBackend(replace(of, dtype=torch.float32), BLOCKS)
    variant = Variant(of.key_dim**-0.5)
    found = own.attend(0, query, key, value, variant, own.plan(chunk)).float()
    expected = exact.attend(0, query.float(), key.float(), value.float(), variant, exact.plan(chunk))
    rounded = (expected.bfloat16() - expected).norm() / expected.norm()
    assert (found - expected).norm() / expected.norm() < 1.4 * rounded
    assert abs((found * expected).sum() / (expected * expected).sum() - 1) < 2e-4, "nothing leans to one side"


@pytest.mark.parametrize("kind", BACKENDS)
def test_latents_whose_values_are_in_their_keys(kind: type[Backend]) -> None:
    check(kind, shape(4, kv_heads=1, key_dim=40, value_dim=24, values_in_keys=True), Variant(0.2), 2)


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_number_that_is_not_finite_stays_in_its_own_sequence(kind: type[Backend]) -> None:
    of = shape(2)
    torch.manual_seed(0)
    backend = kind(of, 4)
    plan = backend.plan([PlannedChunk(0, 0, 9, [2]), PlannedChunk(9, 0, 5, [1])])
    query, key, value = (torch.randn(heads, 14, 32) for heads in (4, 2, 2))
    for poisoned in ("key", "value"):
        torch.manual_seed(1)
        bad = {"key": key.clone(), "value": value.clone()}
        bad[poisoned][:, 3] = float("nan")
        output = backend.attend(0, query, bad["key"], bad["value"], Variant(0.2), plan)
        assert torch.isnan(output[3:9]).all()
        assert torch.isfinite(output[9:]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dim", [16, 80, 128])
@pytest.mark.parametrize("group", [1, 3, 4, 8])
@pytest.mark.parametrize("window", [0, 70])
def test_a_token_gets_the_same_numbers_however_its_text_was_cut(
    group: int, dim: int, dtype: torch.dtype, window: int
) -> None:
    """By the kernel of our own, bit for bit: what a preemption or a cached beginning changes must not change a text."""
    torch.manual_seed(0)
    of = shape(group, dim, dtype)
    query, key, value = (torch.randn(heads, 150, dim).to(dtype) for heads in (2 * group, 2, 2))
    told = []
    for cuts in ([150], [1] * 150, [17, 1, 2, 30, 100]):
        backend, start, parts = NativeBackend(of, 10), 0, []
        for count in cuts:
            plan = backend.plan([PlannedChunk(0, start, count, list(range(10)))])
            given = (one[:, start : start + count] for one in (query, key, value))
            parts.append(backend.attend(0, *given, Variant(dim**-0.5, window), plan))
            start += count
        told.append(torch.cat(parts))
    assert torch.equal(told[0], told[1])
    assert torch.equal(told[0], told[2])


def test_the_kernel_of_our_own_is_there() -> None:
    """Without it all of the above would only compare torch with itself."""
    assert NativeBackend.supports(shape())
    assert NativeBackend.supports(shape(dtype=torch.bfloat16))


class Uncompiled(GatheredBackend):
    name = "uncompiled"

    def prepare(self, chunks: list[PlannedChunk]) -> Prepared:
        raise RuntimeError("no compiler")


def test_a_way_that_fails_when_it_is_tried_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    assert is_right(GatheredBackend, shape())
    assert not is_right(Uncompiled, shape())
    assert "Attention “uncompiled” fails on this machine; it isn't used: no compiler" in caplog.text
