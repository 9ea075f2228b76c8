"""Attention on the CPU by a kernel of our own that knows blocks (paged.c), compiled for this machine at first use.

It computes decodes and short chunks, where reading the cache is most of the work. Long chunks of prompts are matrix
multiplications; their keys and values are gathered for torch's kernel (docs/decisions/0013 and 0016).

The compiler is the one that the set-up asks for. The library is kept in a cache folder under the name of its source,
flags and machine, so that only the first start of a worker compiles it (about 3 s).
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from array import array
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.gathered import Masks, attend
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("paged.c")
FLAGS = ("-O2", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-fPIC", "-shared")
BUILD_SECONDS = 120
MOST_DIM = 256
LONG = 128
"""Chunks of so many tokens and more go to torch's kernel."""
ROWS_AT_ONCE = 48
"""Rows of a chunk that one thread takes at once: a multiple of the kernel's tile of 6."""


class Unavailable(Exception):
    """The kernel can't be built here; says why."""


class NativePlan(ctypes.Structure):
    """`struct plan` of paged.c."""

    _fields_ = [
        *[(name, ctypes.c_int32) for name in ("chunks", "query_heads", "kv_heads", "dim", "threads", "table_stride")],
        *[(name, ctypes.c_void_p) for name in ("tables", "starts", "counts", "first_rows")],
        *[(name, ctypes.c_int32) for name in ("tasks", "padding")],
        *[(name, ctypes.c_void_p) for name in ("task_chunks", "task_froms", "task_tos")],
    ]


class NativeLayer(ctypes.Structure):
    """`struct layer` of paged.c."""

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

    plan: NativePlan
    arrays: list[array[int]]
    tables: dict[int, torch.Tensor]
    """The blocks of the long chunks, by their numbers."""
    masks: Masks


class NativeBackend(Backend):
    """Keys `[blocks, kv_heads, dim, BLOCK_SIZE]`, values `[blocks, kv_heads, BLOCK_SIZE, dim]` a layer."""

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
        tasks = [
            (number, first, min(first + ROWS_AT_ONCE, chunk.count * self.shape.group))
            for number, chunk in enumerate(chunks)
            if chunk.count < LONG
            for first in range(0, chunk.count * self.shape.group, ROWS_AT_ONCE)
        ]
        arrays = [
            tables,
            array("i", [chunk.start for chunk in chunks]),
            array("i", [chunk.count for chunk in chunks]),
            array("i", [chunk.row for chunk in chunks]),
            *(array("i", [task[column] for task in tasks]) for column in range(3)),
        ]
        addresses = [numbers.buffer_info()[0] for numbers in arrays]
        shape = self.shape
        sizes = (len(chunks), shape.query_heads, shape.kv_heads, shape.key_dim, torch.get_num_threads(), stride)
        long = {number: torch.tensor(chunk.used) for number, chunk in enumerate(chunks) if chunk.count >= LONG}
        plan = NativePlan(*sizes, *addresses[:4], len(tasks), 0, *addresses[4:])
        return Prepared(plan, arrays, long, Masks(shape))

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
                NativeLayer(
                    query.data_ptr(), key.data_ptr(), value.data_ptr(),
                    *query.stride()[:2], *key.stride()[:2], *value.stride()[:2],
                    self.keys[layer].data_ptr(), self.values[layer].data_ptr(), output.data_ptr(),
                    None if sinks is None else sinks.data_ptr(),
                    variant.scale, variant.softcap, variant.window,
                )
            ),
        )  # fmt: skip
        for number, table in prepared.tables.items():
            chunk = plan.chunks[number]
            mask = prepared.masks.of(number, chunk, variant.window)
            keys = self.keys[layer][table].permute(1, 0, 3, 2).flatten(1, 2)[:, : chunk.end]
            values = self.values[layer][table].transpose(0, 1).flatten(1, 2)[:, : chunk.end]
            rows = slice(chunk.row, chunk.row + chunk.count)
            output[rows] = attend(query[:, rows], keys, values, mask, variant)
        return output


@cache
def library(dtype: torch.dtype) -> ctypes.CDLL:
    """The compiled kernel for this number format. Raises Unavailable."""
    flags = [*FLAGS, *(["-DBFLOAT16"] if dtype is torch.bfloat16 else []), *_openmp()]
    compiler = next((found for name in _compilers() if (found := shutil.which(name))), None)
    if compiler is None:
        raise Unavailable("there is no C compiler.")
    key = hashlib.sha256(b"\0".join([SOURCE.read_bytes(), *(part.encode() for part in (compiler, *flags, _machine()))]))
    try:
        target = _cache_folder() / f"paged-{key.hexdigest()[:24]}.so"
        if not target.exists():
            _build(compiler, flags, target)
        loaded = ctypes.CDLL(str(target))
    except OSError as error:
        raise Unavailable(str(error)) from error
    loaded.attend.restype = None
    return loaded


def _compilers() -> list[str]:
    return [name for name in (os.environ.get("CC", ""), "cc", "gcc", "clang") if name]


def _build(compiler: str, flags: list[str], target: Path) -> None:
    """Atomic: another worker may build the same."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        command = [compiler, str(SOURCE), "-o", str(made), *flags, "-lm"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"{error} {getattr(error, 'stderr', '') or ''}".strip()[:2000]) from error
        made.replace(target)


def _openmp() -> list[str]:
    """Use the threads that torch uses: two libraries of threads would wait for each other while spinning."""
    own = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    own += sorted((Path(torch.__file__).parent.parent / "torch.libs").glob("libgomp*.so*"))
    return ["-fopenmp", *([str(own[0])] if own else [])]


def _cache_folder() -> Path:
    """The user's own, or where that can't be written, one of this process only: nobody else may put a library there."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atrium" / "kernels"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
        logger.info("The compiled kernel isn't kept: %s", error)
    return Path(tempfile.mkdtemp(prefix="atrium-kernels-"))


def _machine() -> str:
    """What -march=native depends on."""
    try:
        return next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return platform.processor()
