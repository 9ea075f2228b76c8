"""The Triton kernels beside the plain formula: on a GPU where there is one, otherwise by Triton's interpreter.

Run by `test_triton.py` in a process of its own, because the interpreter is chosen when triton is first imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from engine.text.attention.backend import AttentionPlan, Variant
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.gpu.step import Step
from engine.text.attention.gpu.tiles import Tile, gpu_of, shared_bytes
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.reference import ReferenceBackend
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if DEVICE.type == "cpu":
    from tests.engine.interpreted import spare

    spare()
BLOCKS = 96
DECODES = [(0, 1), (16, 1), (530, 1)]
"""Tokens in the cache, and new ones."""
FORMATS = [torch.float32, *([torch.bfloat16] if DEVICE.type == "cuda" else [])]
"""The interpreter keeps bfloat16 as integers, and multiplies those."""
TOLERANCE = {torch.float32: 2e-5}
ROUGH = 2e-2
"""Of numbers of 16 bits, beside the plain formula, which computes with the same ones in float32."""
MIXED = [(33, 1), (15, 1), (16, 1), (0, 17), (48, 30), (20, 5), (16, 16)]
"""On both sides of a block's edge too."""


def shape(group: int = 3, dim: int = 32, dtype: torch.dtype = torch.float32, **changes: object) -> CacheShape:
    settings = {
        "layers": 2, "query_heads": 2 * group, "kv_heads": 2, "key_dim": dim, "value_dim": dim, "dtype": dtype,
        "device": DEVICE,
    } | changes  # fmt: skip
    return CacheShape(**settings)


def step(spans: Sequence[tuple[int, int]]) -> list[PlannedChunk]:
    """Chunks behind so many tokens; their blocks lie in no order, and there are more of them than are used."""
    torch.manual_seed(7)
    free = torch.randperm(BLOCKS).tolist()
    chunks, row = [], 0
    for start, count in spans:
        chunks.append(PlannedChunk(row, start, count, [free.pop() for _ in range((start + count) // BLOCK_SIZE + 2)]))
        row += count
    return chunks


def check(of: CacheShape, variant: Variant, spans: Sequence[tuple[int, int]]) -> Step:
    """Both caches hold the same contexts, and where nobody has written yet what mustn't matter."""
    chunks = step(spans)
    ours, plain = TritonBackend(of, BLOCKS), ReferenceBackend(of, BLOCKS)
    for mine, theirs in zip(ours.keys + ours.values, plain.keys + plain.values, strict=True):
        theirs.normal_()
        mine.copy_(theirs.transpose(1, 2))
        for chunk in chunks:
            for place in range(chunk.start, len(chunk.blocks) * BLOCK_SIZE):
                mine[chunk.blocks[place // BLOCK_SIZE], :, place % BLOCK_SIZE] = float("nan")
    tokens = sum(chunk.count for chunk in chunks)
    query, key = (
        torch.randn(tokens, heads, of.key_dim, dtype=of.dtype, device=DEVICE).transpose(0, 1)
        for heads in (of.query_heads, of.kv_heads)
    )  # strided, as the modelling code has them
    value = torch.randn(of.kv_heads, tokens, of.value_dim, dtype=of.dtype, device=DEVICE)
    if of.values_in_keys:
        value = key[..., : of.value_dim]
    plan = ours.plan(chunks)
    output = ours.attend(1, query, key, value, variant, plan)
    expected = plain.attend(1, query, key, value, variant, plain.plan(chunks))
    away = (output.float() - expected.float()).abs().max()
    tolerance = TOLERANCE.get(of.dtype, ROUGH)
    assert torch.allclose(output.float(), expected.float(), rtol=tolerance, atol=tolerance), f"up to {away} away"
    assert isinstance(plan.prepared, Step)
    return plan.prepared


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("group", [1, 8])  # the others' is 3
def test_decodes_of_ragged_lengths_over_several_parts(group: int, dtype: torch.dtype) -> None:
    (launch,) = check(shape(group, dtype=dtype), Variant(32**-0.5), DECODES).launches
    assert launch.splits == 4


def test_one_token_alone() -> None:
    (launch,) = check(shape(), Variant(0.2), [(0, 1)]).launches
    assert launch.sums is None


def test_guesses_behind_decodes() -> None:
    check(shape(), Variant(0.2), [(300, 4), (31, 3), (16, 1)])


@pytest.mark.parametrize("group", [3, 33])
def test_numbers_that_stay_where_they_are(group: int) -> None:
    """Steps of fewer rows than there is room for, one behind the other; heads of a group in two tiles, too."""
    of = shape(query_heads=group, kv_heads=1, key_dim=16, value_dim=16)
    ours, plain = TritonBackend(of, BLOCKS), ReferenceBackend(of, BLOCKS)
    for mine, theirs in zip(ours.keys + ours.values, plain.keys + plain.values, strict=True):
        mine.copy_(theirs.normal_().transpose(1, 2))
    held = ours.held(4, 20)
    for rows, spans in ((4, [(40, 2), (260, 1), (0, 1)]), (4, [(3, 1), (20, 1)]), (1, [(300, 1)])):
        chunks = step(spans)
        tokens = [7 * number for number in range(sum(chunk.count for chunk in chunks))]
        held.write(rows, chunks, tokens)
        assert held.tokens(rows).tolist() == tokens + [0] * (rows - len(tokens))
        query, key, value = (torch.randn(heads, rows, 16, device=DEVICE) for heads in (group, 1, 1))
        output = ours.attend(1, query, key, value, Variant(0.2), AttentionPlan(ours, [], held.step(rows)))
        of_tokens = (one[:, : len(tokens)] for one in (query, key, value))
        expected = plain.attend(1, *of_tokens, Variant(0.2), plain.plan(chunks))
        assert torch.allclose(output[: len(tokens)], expected, rtol=2e-5, atol=2e-5)
    for mine, theirs in zip(ours.keys + ours.values, plain.keys + plain.values, strict=True):
        assert torch.equal(mine, theirs.transpose(1, 2))


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("group", [1, 8])
def test_decodes_beside_chunks_of_prompts(group: int, dtype: torch.dtype) -> None:
    short, long = check(shape(group, dtype=dtype), Variant(32**-0.5), MIXED).launches
    assert (short.splits, long.splits) == (1, 1)


def test_a_chunk_of_a_prompt_behind_a_long_context() -> None:
    (launch,) = check(shape(2, query_heads=2, kv_heads=1), Variant(0.2), [(290, 12)]).launches
    assert launch.splits == 2


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(
    "variant",
    [
        Variant(0.2, window=5),
        Variant(0.2, window=16),
        Variant(0.2, window=100),
        Variant(0.3, softcap=2.0),
        Variant(0.2, sinks=torch.linspace(-1, 3, 6)),
        Variant(0.2, window=40, softcap=3.0, sinks=torch.linspace(2, -1, 6)),
    ],
    ids=["window 5", "window 16", "window 100", "softcap", "sinks", "all"],
)
def test_windows_softcaps_and_sinks(variant: Variant, dtype: torch.dtype) -> None:
    if variant.sinks is not None:
        variant = replace(variant, sinks=variant.sinks.to(DEVICE, dtype))
    short, long = check(shape(dtype=dtype), variant, [(150, 10), (300, 1), (0, 1), (0, 18)]).launches
    assert (short.splits, long.splits) == (2, 1)


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("dim", [8, 16, 24, 64, 80, 96, 128, 192])
def test_head_sizes(dim: int, dtype: torch.dtype) -> None:
    check(shape(2, dim, dtype), Variant(dim**-0.5), [(33, 1), (20, 12)])


def test_values_of_another_size_than_keys() -> None:
    check(shape(2, 48, value_dim=32), Variant(0.2), [(270, 1), (20, 12)])


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("key_dim", "value_dim"), [(40, 24), (48, 16), (576, 512)])
def test_latents_whose_values_are_in_their_keys(key_dim: int, value_dim: int, dtype: torch.dtype) -> None:
    of = shape(query_heads=12, kv_heads=1, key_dim=key_dim, value_dim=value_dim, values_in_keys=True, dtype=dtype)
    check(of, Variant(key_dim**-0.5), [(270, 1), (20, 12)])


def test_float16() -> None:
    check(shape(dtype=torch.float16), Variant(32**-0.5), [(300, 1), (33, 10)])


@pytest.mark.parametrize("poisoned", ["key", "value"])
def test_a_number_that_is_not_finite_stays_in_its_own_sequence(poisoned: str) -> None:
    of = shape(2)
    torch.manual_seed(0)
    backend = TritonBackend(of, 4)
    plan = backend.plan([PlannedChunk(0, 0, 9, [2]), PlannedChunk(9, 0, 5, [1])])
    query, key, value = (torch.randn(heads, 14, 32, device=DEVICE) for heads in (4, 2, 2))
    {"key": key, "value": value}[poisoned][:, 3] = float("nan")
    output = backend.attend(0, query, key, value, Variant(0.2), plan)
    assert torch.isnan(output[3:9]).all()
    assert torch.isfinite(output[9:]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("key_dim", "value_dim", "latent"), [(64, 64, False), (256, 256, False), (576, 512, True)])
def test_tiles_fit_the_shared_memory(dtype: torch.dtype, key_dim: int, value_dim: int, latent: bool) -> None:
    of = shape(64, dtype=dtype, kv_heads=1, key_dim=key_dim, value_dim=value_dim, values_in_keys=latent)
    gpu = gpu_of(DEVICE)
    for short in (True, False):
        tile = Tile.of(of, short, gpu)
        assert tile.keys >= BLOCK_SIZE
        assert shared_bytes(of, tile.rows, tile.keys) <= gpu.shared_bytes
