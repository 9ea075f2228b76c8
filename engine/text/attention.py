"""Attention over the slot cache, hooked into transformers' modelling code.

One forward pass computes a flat row of tokens, first one of every decoding sequence, then the chunks of prompts being
read. Everything but attention treats them alike; here each goes to its own keys and values.

Grouped-query heads are folded into the query length (`[B, Hq, 1, D]` becomes `[B, Hkv, Hq/Hkv, D]`), so that keys and
values are read once where they would otherwise be expanded to Hq heads. Masks are built once a step, for all layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from engine.text.cache import SlotCache
from engine.text.scheduler import Chunk, Step

IMPLEMENTATION = "atrium_slots"


@dataclass(frozen=True, slots=True)
class DecodeRun:
    """Decoding sequences in neighbouring slots: rows `first_row …` of the pass, slots `first_slot …`."""

    first_row: int
    first_slot: int
    count: int
    length: int
    """Of the longest of them, in tokens, the new one included."""
    mask: torch.Tensor | None
    """`[count, 1, 1, length]`, 0 or −inf; None where all are equally long."""


@dataclass(frozen=True, slots=True)
class PromptChunk:
    """Rows `first_row … first_row+count-1` of the pass are the tokens `start …` of the sequence in `slot`."""

    first_row: int
    slot: int
    start: int
    count: int
    mask: torch.Tensor | None
    """`[group·count, start+count]`, 0 or −inf; None for a single token."""


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """What every layer of one pass needs to know; handed to the hook as the keyword `plan`."""

    cache: SlotCache
    decode_slots: torch.Tensor
    decode_positions: torch.Tensor
    decodes: list[DecodeRun]
    prompts: list[PromptChunk]

    @property
    def decode_rows(self) -> int:
        return len(self.decode_slots)


def plan_attention(
    step: Step, cache: SlotCache, *, group: int, dtype: torch.dtype, device: torch.device
) -> AttentionPlan:
    """`group`: query heads that share a key/value head. `dtype`: of the queries, which the masks must have too."""
    prompts, row = [], len(step.decodes)
    for chunk in step.prefills:
        mask = _prompt_mask(chunk, group, dtype, device) if chunk.count > 1 else None
        prompts.append(PromptChunk(row, chunk.slot, chunk.start, chunk.count, mask))
        row += chunk.count
    return AttentionPlan(
        cache,
        torch.tensor([chunk.slot for chunk in step.decodes], device=device),
        torch.tensor([chunk.start for chunk in step.decodes], device=device),
        _decode_runs(step.decodes, dtype, device),
        prompts,
    )


def slot_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    plan: AttentionPlan | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """The hook. query `[1, Hq, T, D]`, key and value `[1, Hkv, T, D]`, result `[1, T, Hq, D]`.

    Without a plan (someone calls the module by itself) it is transformers' own SDPA attention.
    """
    if plan is None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    layer: int = module.layer_idx  # type: ignore[assignment]
    keys, values = plan.cache.keys[layer], plan.cache.values[layer]
    _store(plan, keys, key[0])
    _store(plan, values, value[0])
    parts = []
    if plan.decodes:
        parts += _decode(plan, query[0], keys, values, scaling)
    parts += [_read(chunk, query, keys, values, scaling) for chunk in plan.prompts]
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).unsqueeze(0), None


def _store(plan: AttentionPlan, cached: torch.Tensor, new: torch.Tensor) -> None:
    """new `[Hkv, T, D]`"""
    rows = plan.decode_rows
    if rows:
        cached[plan.decode_slots, :, plan.decode_positions] = new[:, :rows].transpose(0, 1)
    for chunk in plan.prompts:
        cached[chunk.slot, :, chunk.start : chunk.start + chunk.count] = new[
            :, chunk.first_row : chunk.first_row + chunk.count
        ]


def _decode(
    plan: AttentionPlan, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scaling: float | None
) -> list[torch.Tensor]:
    """query `[Hq, T, D]`; a list of `[count, Hq, D]`, one for each run."""
    rows, heads, dim = plan.decode_rows, keys.shape[1], keys.shape[3]
    folded = query[:, :rows].view(heads, -1, rows, dim).permute(2, 0, 1, 3)
    outputs = []
    for run in plan.decodes:
        slots = slice(run.first_slot, run.first_slot + run.count)
        output = scaled_dot_product_attention(
            folded[run.first_row : run.first_row + run.count],
            keys[slots, :, : run.length],
            values[slots, :, : run.length],
            attn_mask=run.mask,
            scale=scaling,
        )
        outputs.append(output.flatten(1, 2))
    return outputs


def _read(
    chunk: PromptChunk, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scaling: float | None
) -> torch.Tensor:
    """query `[1, Hq, T, D]`; result `[count, Hq, D]`."""
    heads, end = keys.shape[1], chunk.start + chunk.count
    rows = query[0, :, chunk.first_row : chunk.first_row + chunk.count]
    output = scaled_dot_product_attention(
        rows.reshape(1, heads, -1, rows.shape[-1]),
        keys[chunk.slot : chunk.slot + 1, :, :end],
        values[chunk.slot : chunk.slot + 1, :, :end],
        attn_mask=chunk.mask,
        scale=scaling,
    )
    return output.reshape(rows.shape).transpose(0, 1)


def _decode_runs(decodes: list[Chunk], dtype: torch.dtype, device: torch.device) -> list[DecodeRun]:
    """Group the decoding sequences by neighbouring slots: one group, unless a prompt is being read between them."""
    runs: list[DecodeRun] = []
    first = 0
    for row in range(1, len(decodes) + 1):
        if row == len(decodes) or decodes[row].slot != decodes[row - 1].slot + 1:
            lengths = [chunk.end for chunk in decodes[first:row]]
            mask = _length_mask(lengths, dtype, device)
            runs.append(DecodeRun(first, decodes[first].slot, row - first, max(lengths), mask))
            first = row
    return runs


def _length_mask(lengths: list[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor | None:
    """`[len(lengths), 1, 1, longest]`"""
    longest = max(lengths)
    if min(lengths) == longest:
        return None
    beyond = torch.arange(longest, device=device) >= torch.tensor(lengths, device=device)[:, None]
    mask = torch.zeros(beyond.shape, dtype=dtype, device=device).masked_fill_(beyond, float("-inf"))
    return mask[:, None, None, :]


def _prompt_mask(chunk: Chunk, group: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`[group·count, end]`: the token at position p sees positions up to p, in each of the folded query heads."""
    positions = torch.arange(chunk.start, chunk.end, device=device)
    later = torch.arange(chunk.end, device=device) > positions[:, None]
    mask = torch.zeros(later.shape, dtype=dtype, device=device).masked_fill_(later, float("-inf"))
    return mask.repeat(group, 1)


AttentionInterface.register(IMPLEMENTATION, slot_attention)
