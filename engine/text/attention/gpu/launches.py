"""Calls of the kernels for one layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from engine.text.attention.backend import Variant
from engine.text.attention.gpu import kernels
from engine.text.attention.gpu.splitting import MOST_SPLITS
from engine.text.attention.gpu.step import Launch, Step
from engine.text.attention.gpu.tiles import Gpu, Widths, padded, values_are_main
from engine.text.attention.shape import BLOCK_SIZE, CacheShape


@dataclass(frozen=True, slots=True)
class Layer:
    """Cached keys and values; where values are in the keys, `values` are the keys too."""

    shape: CacheShape
    keys: torch.Tensor
    values: torch.Tensor
    gpu: Gpu

    def store(self, key: torch.Tensor, value: torch.Tensor, step: Step) -> None:
        shape = self.shape
        kernels.store[key.shape[1], shape.kv_heads](
            key, value, self.keys, self.values, step.slots, *key.stride()[:2], *value.stride()[:2],
            KV_HEADS=shape.kv_heads, KEY_DIM=shape.key_dim, VALUE_DIM=shape.value_dim,
            KEY_WIDTH=padded(shape.key_dim), VALUE_WIDTH=padded(shape.value_dim),
            HAS_VALUES=not shape.values_in_keys, BLOCK_SIZE=BLOCK_SIZE,
            **self.gpu.launching,
        )  # fmt: skip

    def attend(self, query: torch.Tensor, variant: Variant, step: Step) -> torch.Tensor:
        heads, tokens, _ = query.shape
        output = torch.empty((tokens, heads, self.shape.value_dim), dtype=query.dtype, device=query.device)
        for launch in step.launches:
            self._attend(query, variant, step, launch, output)
            if launch.sums is not None:
                self._combine(step, launch, output)
        return output

    def _attend(self, query: torch.Tensor, variant: Variant, step: Step, launch: Launch, output: torch.Tensor) -> None:
        shape, widths, tile, sums = self.shape, Widths.of(self.shape), launch.tile, launch.sums
        room = (output, output, output) if sums is None else (sums.values, sums.highest, sums.totals)
        kernels.attend[launch.tasks, shape.kv_heads, launch.splits](
            query, self.keys, self.values, output if variant.sinks is None else variant.sinks, output, *room,
            launch.chunks, launch.rows, step.tables, step.starts, step.counts, step.first_rows,
            *scale_and_cap(variant), *query.stride()[:2], step.table_width,
            **self._sizes(), KEY_DIM=shape.key_dim, MAIN=widths.main, REST=widths.rest,
            VALUE_LINE=shape.key_dim if shape.values_in_keys else shape.value_dim,
            VALUES_ARE_MAIN=values_are_main(shape), WINDOW=variant.window, SOFTCAP=variant.softcap > 0,
            SINKS=variant.sinks is not None, WHOLE=sums is None, ROWS=tile.rows, KEYS=tile.keys,
            BLOCK_SIZE=BLOCK_SIZE, num_warps=tile.warps, num_stages=tile.stages, **self.gpu.launching,
        )  # fmt: skip

    def _combine(self, step: Step, launch: Launch, output: torch.Tensor) -> None:
        assert launch.sums is not None
        kernels.combine[launch.tasks, self.shape.kv_heads, launch.tile.rows](
            launch.sums.values, launch.sums.highest, launch.sums.totals, output,
            launch.chunks, launch.rows, step.counts, step.first_rows, launch.splits,
            **self._sizes(), ROWS=launch.tile.rows, MOST_SPLITS=MOST_SPLITS, **self.gpu.launching,
        )  # fmt: skip

    def _sizes(self) -> dict[str, Any]:
        shape = self.shape
        return {
            "KV_HEADS": shape.kv_heads,
            "GROUP": shape.group,
            "VALUE_DIM": shape.value_dim,
            "VALUE_WIDTH": padded(shape.value_dim),
        }


def scale_and_cap(variant: Variant) -> tuple[float, float]:
    """For scores in base 2: `products · scale`, or `cap · tanh(products · scale)`."""
    if variant.softcap:
        return variant.scale / variant.softcap, variant.softcap * math.log2(math.e)
    return variant.scale * math.log2(math.e), 0.0
