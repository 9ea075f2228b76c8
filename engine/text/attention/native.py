"""Attention on the CPU by a kernel of our own that knows blocks (paged.c), compiled for this machine at first use."""

from __future__ import annotations

import ctypes
import logging
from array import array
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape
from engine.text.c_library import Unavailable, compiled

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("paged.c")
MOST_DIM = 256
TILE = 6
"""Rows that the kernel computes together."""
FEWEST_A_THREAD = 4
"""So many are enough to share them out evenly."""


class Plan(ctypes.Structure):
    """`struct plan` of paged.c."""

    _fields_ = [
        *[(name, ctypes.c_int32) for name in ("chunks", "query_heads", "kv_heads", "dim", "threads", "table_stride")],
        *[(name, ctypes.c_void_p) for name in ("tables", "starts", "counts", "first_rows")],
        *[(name, ctypes.c_int32) for name in ("tasks", "padding")],
        *[(name, ctypes.c_void_p) for name in ("task_chunks", "task_froms", "task_tos")],
    ]


class Attended(ctypes.Structure):
    """`struct attended` of paged.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("query", "key", "value")],
        *[
            (name, ctypes.c_int64)
            for name in ("query_head", "query_token", "key_head", "key_token", "value_head", "value_token")
        ],
        *[(name, ctypes.c_void_p) for name in ("keys", "values", "output", "sinks")],
        *[(name, ctypes.c_float) for name in ("scale", "softcap")],
        ("window", ctypes.c_int32),
    ]


@dataclass(frozen=True, slots=True)
class Prepared:
    """`plan` points into `arrays`, which must live as long."""

    plan: Plan
    arrays: list[array[int]]


class NativeBackend(Backend):
    """Keys `[blocks, kv_heads, dim, BLOCK_SIZE]`, values `[blocks, kv_heads, BLOCK_SIZE, dim]` a layer; in bfloat16 two
    numbers of a key stand together, and those of two tokens' values, as paged.c says."""

    name = "native"

    def __init__(self, shape: CacheShape, blocks: int) -> None:
        super().__init__(shape, blocks)
        self._attend = library(shape.dtype).attend

    @classmethod
    def block_sizes(cls, shape: CacheShape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (shape.kv_heads, shape.key_dim, BLOCK_SIZE), (shape.kv_heads, BLOCK_SIZE, shape.value_dim)

    @classmethod
    def supports(cls, shape: CacheShape) -> bool:
        fits = shape.key_dim == shape.value_dim <= MOST_DIM and shape.key_dim % BLOCK_SIZE == 0
        if not (fits and shape.device.type == "cpu" and shape.dtype in (torch.float32, torch.bfloat16)):
            return False
        try:
            library(shape.dtype)
        except Unavailable as error:
            logger.warning("Attention is computed by torch's kernel, since our own can't be built: %s", error)
            return False
        return not shape.values_in_keys

    def prepare(self, chunks: list[PlannedChunk]) -> Prepared:
        stride = max(len(chunk.used) for chunk in chunks)
        tables = array("i")
        for chunk in chunks:
            tables.extend(chunk.used + [0] * (stride - len(chunk.used)))
        threads = torch.get_num_threads()
        tasks = self._tasks(chunks, 2 * TILE)
        if len(tasks) * self.shape.kv_heads < FEWEST_A_THREAD * threads:  # a few tokens behind a long text
            tasks = self._tasks(chunks, TILE)
        arrays = [
            tables,
            array("i", [chunk.start for chunk in chunks]),
            array("i", [chunk.count for chunk in chunks]),
            array("i", [chunk.row for chunk in chunks]),
            *(array("i", [task[column] for task in tasks]) for column in range(3)),
        ]
        addresses = [numbers.buffer_info()[0] for numbers in arrays]
        shape = self.shape
        sizes = (len(chunks), shape.query_heads, shape.kv_heads, shape.key_dim, threads, stride)
        plan = Plan(*sizes, *addresses[:4], len(tasks), 0, *addresses[4:])
        return Prepared(plan, arrays)

    def _tasks(self, chunks: list[PlannedChunk], rows_at_once: int) -> list[tuple[int, int, int]]:
        """What one thread takes at once: a chunk's number, the first of its rows and the one behind the last."""
        return [
            (number, first, min(first + rows_at_once, chunk.count * self.shape.group))
            for number, chunk in enumerate(chunks)
            for first in range(0, chunk.count * self.shape.group, rows_at_once)
        ]

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, variant: Variant,
        plan: AttentionPlan,
    ) -> torch.Tensor:  # fmt: skip
        prepared = plan.prepared
        assert isinstance(prepared, Prepared)
        query, key, value = (one if one.stride(2) == 1 else one.contiguous() for one in (query, key, value))
        heads, tokens, dim = query.shape
        output = torch.empty((tokens, heads, dim), dtype=query.dtype)
        sinks = None if variant.sinks is None else variant.sinks.float().contiguous()
        self._attend(
            ctypes.byref(prepared.plan),
            ctypes.byref(
                Attended(
                    query.data_ptr(), key.data_ptr(), value.data_ptr(),
                    *query.stride()[:2], *key.stride()[:2], *value.stride()[:2],
                    self.keys[layer].data_ptr(), self.values[layer].data_ptr(), output.data_ptr(),
                    None if sinks is None else sinks.data_ptr(),
                    variant.scale, variant.softcap, variant.window,
                )
            ),
        )  # fmt: skip
        return output


@cache
def library(dtype: torch.dtype) -> ctypes.CDLL:
    """The compiled kernel for this number format. Raises Unavailable."""
    loaded = compiled(SOURCE, *(["-DBFLOAT16"] if dtype is torch.bfloat16 else []))
    loaded.attend.restype = None
    return loaded
