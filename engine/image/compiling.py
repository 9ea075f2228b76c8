"""The blocks that a network repeats, compiled by torch for a few sizes of picture and of batch; or left as they are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, ExitStack
from time import perf_counter
from typing import Protocol

import torch

from engine.config import Compile
from engine.device import is_out_of_memory
from engine.image.adapters.adapter import AtStrength
from engine.image.adapters.applying import applied
from engine.image.adapters.seams import Seams
from engine.image.families import Family

logger = logging.getLogger(__name__)

MAX_SIZES = 4
"""Sizes of pictures that are compiled for, the first ones that are asked for; each costs its time once for every size
of batch, and others are drawn as if nothing were compiled."""
BACKEND = "inductor"
MAX_VARIANTS = 1024
"""Of one kind of block: sizes of pictures and batches, with and without adapters, in each of the network's widths."""
Rows = Sequence[AtStrength | None]
"""The adapter of each row of a batch."""


class Blocks(Protocol):
    mode: str
    """For receipts."""

    def padded(self, rows: int) -> int:
        """How many rows the batch must have instead."""
        ...

    def at_work(self, rows: Rows) -> AbstractContextManager[object]:
        """For one pass of the network."""
        ...


class Eager:
    """As they are."""

    mode = "off"

    def __init__(self, *, compiled: bool) -> None:
        """compiled: whether they are for other sizes; torch's compiler isn't brought in where nothing is."""
        self._compiled = compiled

    def padded(self, rows: int) -> int:
        return rows

    def at_work(self, rows: Rows) -> AbstractContextManager[object]:
        stack = ExitStack()
        if self._compiled:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(applied(rows))
        return stack


class Compiled:
    """Call from the engine thread only, for torch's compiler is not thread-safe."""

    mode = "blocks"

    def __init__(self, family: Family) -> None:
        self._seams = Seams(family.network)
        for module in family.network.modules():
            if type(module).__name__ in family.repeated_blocks:
                module.compile(backend=BACKEND, fullgraph=True, dynamic=False)

    def padded(self, rows: int) -> int:
        """To a power of two."""
        return 1 << (rows - 1).bit_length()

    def at_work(self, rows: Rows) -> AbstractContextManager[object]:
        stack = ExitStack()
        limits = {"recompile_limit": MAX_VARIANTS, "accumulated_recompile_limit": MAX_VARIANTS}
        stack.enter_context(torch._dynamo.config.patch(limits))
        stack.enter_context(self._seams.applied(rows))
        return stack

    def remove(self) -> None:
        self._seams.remove()


class Compiling:
    """Chooses for each picture's size, and stops for good when the compiler fails."""

    def __init__(self, family: Family, choice: Compile) -> None:
        self._compiled = Compiled(family) if choice == "on" else None
        self._eager = Eager(compiled=self._compiled is not None)
        self._sizes: set[Hashable] = set()
        self._known: set[Hashable] = set()
        """Shapes of batches that were compiled."""
        self.seconds = 0.0
        """That compiling took; they are nobody's device-seconds."""

    def blocks(self, size: Hashable) -> Blocks:
        """For pictures of this size."""
        if self._compiled is None:
            return self._eager
        if size not in self._sizes and len(self._sizes) < MAX_SIZES:
            self._sizes.add(size)
        return self._compiled if size in self._sizes else self._eager

    def ready(self, size: Hashable, rows: Rows, run: Callable[[Blocks], object]) -> Blocks:
        """What a batch runs on; where its shape is new, after `run` was called once so that it is compiled. Where that
        fails, nothing is compiled from now on."""
        blocks = self.blocks(size)
        shape = (size, blocks.padded(len(rows)), any(rows))
        if blocks is self._eager or shape in self._known:
            return blocks
        began = perf_counter()
        try:
            run(blocks)
            self._known.add(shape)
            logger.info("Compiled the network for %s in %.1f s", shape, perf_counter() - began)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            logger.warning("The network can't be compiled and runs as it is from now on", exc_info=error)
            self._stop()
        finally:
            self.seconds += perf_counter() - began
        return self.blocks(size)

    def _stop(self) -> None:
        if self._compiled is not None:
            self._compiled.remove()
            self._compiled = None
