"""Which adapters of a model are loaded: on demand, between its steps, the longest unused making room."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from typing import Generic, Protocol, TypeVar

import torch
from torch import nn

from engine.adapters import UnsupportedAdapter
from engine.config import EngineConfig
from engine.device import is_out_of_memory, release_memory
from engine.lora.numbers import Halves, bytes_of
from engine.memory import mib
from engine.metrics import Counters
from engine.room import Spare
from engine.source import ModelSource, ModelUnavailable
from engine.ticket import Ticket

logger = logging.getLogger(__name__)

TOO_LATE = "The adapter wasn't ready in the time that was asked for."
SLICE_SECONDS = 0.01
"""Loading gives way to the running sequences after so long, and after every tensor that takes longer."""


T = TypeVar("T", bound=Ticket)
A = TypeVar("A", bound="Loaded")


class _Unwanted(Exception):
    """Nobody waits for it any more."""


@dataclass(slots=True, eq=False)
class _Load(Generic[A]):
    """One adapter on its way."""

    key: str
    pieces: Iterator[bool] = field(default_factory=lambda: iter(()))
    found: Future[Path] | None = None
    waits: bool = False
    """It is known how large it is, and there is no room for it yet."""
    coming: int = 0
    """Bytes, once it is being read."""
    adapter: A | None = None
    """Once it was read."""


class Base(Protocol):
    """The model that adapters change."""

    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...


class Loaded(Protocol):
    @property
    def layers(self) -> Mapping[nn.Module, Halves]:
        """Those that it changes."""
        ...


class Shelf(Generic[T, A]):
    """Call from the engine thread only.

    A request of an adapter that isn't loaded waits here. One that is in use is never let go: a ticket uses its adapter
    until it is finished. Where all are in use and one more is wanted, the longest unused takes no new requests after a
    while, so that it comes to rest. One that waits for room lets those behind it be tried, until then.
    """

    def __init__(
        self,
        load: Callable[[Path], Generator[None, None, A]],
        base: Base,
        source: ModelSource,
        config: EngineConfig,
        counters: Counters,
        spare: Spare,
    ) -> None:
        """load: reads an adapter's folder, a piece at a time; raises UnsupportedAdapter."""
        self._read, self._base, self._spare = load, base, spare
        self._source, self._config, self._counters = source, config, counters
        self._loaded: dict[str, A] = {}
        """The longest unused first."""
        self._sizes: dict[str, int] = {}
        """Bytes, of the loaded ones."""
        self._users: dict[str, list[T]] = {}
        self._line: dict[str, deque[T]] = {}
        """Requests that wait; the first adapter is the next to load."""
        self._load: _Load[A] | None = None
        self._aside: deque[_Load[A]] = deque()
        """Those that wait for room while others are tried, which may be smaller."""
        self._leaving = ""

    def __len__(self) -> int:
        """What there is to do here."""
        return sum(len(line) for line in self._line.values()) + len(self._loads())

    def __getitem__(self, key: str) -> A:
        return self._loaded[key]

    @property
    def loaded(self) -> tuple[str, ...]:
        return tuple(self._loaded)

    @property
    def nbytes(self) -> int:
        """What the loaded ones take, and the one that is being read. From any thread."""
        return sum(list(self._sizes.values())) + sum(load.coming for load in self._loads())

    def take(self, ticket: T) -> bool:
        """Whether its adapter is there, so that it can begin now; if not, `ready` gives it back later."""
        key = _key(ticket)
        if key in self._loaded and key != self._leaving:
            self._use(key, [ticket])
            return True
        self._line.setdefault(key, deque()).append(ticket)
        if any(load.key == key for load in self._loads()):
            ticket.loading()
        return False

    def ready(self) -> list[T]:
        """Do a little of the loading; the requests that can begin now. Those whose adapter can't be had, or comes too
        late, end here."""
        for ticket in [one for line in self._line.values() for one in line if one.overdue]:
            self.remove(ticket.id)
            ticket.fail("deadline", TOO_LATE)
        if self._load is None:
            return self._begin()
        return self._continue(self._load)

    def remove(self, request_id: str) -> T | None:
        """Take a request out that waits here."""
        for key, line in self._line.items():
            for ticket in line:
                if ticket.id == request_id:
                    line.remove(ticket)
                    if not line:
                        del self._line[key]
                    return ticket
        return None

    def remove_all(self) -> list[T]:
        tickets = [ticket for line in self._line.values() for ticket in line]
        self._line.clear()
        return tickets

    def wait(self, seconds: float) -> None:
        """While the source is asked, until it answers, or while there is no room; but not longer."""
        if self._load is None:
            sleep(seconds)
        elif self._load.found is not None:
            wait([self._load.found], seconds)

    def _loads(self) -> list[_Load[A]]:
        return [*([] if (load := self._load) is None else [load]), *list(self._aside)]

    def _begin(self) -> list[T]:
        late = next((load for load in self._aside if self._is_late(load)), None)
        aside = {load.key for load in self._aside}
        key = next((key for key in self._line if key not in aside), "")
        if self._aside and (late is not None or not key):
            self._load = late or self._aside[0]
            self._aside.remove(self._load)
            return self._continue(self._load)
        if key in self._loaded:  # it was asked to leave, but nobody needs its place any more
            self._leaving = ""
            return self._admit(key)
        if key and self._make_room(self._line[key][0]):
            self._load = _Load(key)
            self._load.pieces = self._pieces(self._load)
            for ticket in self._line[key]:
                ticket.loading()
        return []

    def _is_late(self, load: _Load[A]) -> bool:
        """Whether so much time has passed that nobody may go before it any more, as one in use is asked to leave."""
        waiting = self._line.get(load.key, ())
        return any(ticket.waited > self._config.residency_patience_seconds for ticket in waiting)

    def _pieces(self, load: _Load[A]) -> Iterator[bool]:
        """Yields after every piece, whether it makes sense to go on at once. The source has a thread of its own, for
        it may have to hash the files."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="adapter-source")
        load.found = executor.submit(self._source.path, load.key)
        executor.shutdown(wait=False)
        while not load.found.done():
            yield False
        folder = load.found.result()
        size = bytes_of(folder, self._base.dtype)
        load.waits = True
        while not (self._make_room(self._first(load.key)) and self._fits(size, self._first(load.key))):
            yield False
        load.waits, load.coming = False, size
        reading = self._read(folder)
        while True:
            try:
                next(reading)
            except StopIteration as done:
                load.adapter = done.value
                return
            yield True

    def _first(self, key: str) -> T:
        if key not in self._line:
            raise _Unwanted
        return self._line[key][0]

    def _continue(self, load: _Load[A]) -> list[T]:
        began = perf_counter()
        try:
            while next(load.pieces, None) and perf_counter() - began < SLICE_SECONDS:
                pass
        except _Unwanted:
            self._load = None
        except (ModelUnavailable, UnsupportedAdapter) as error:
            self._failed(load, f"The adapter can't be loaded. {error}")
        except Exception as error:
            logger.exception("Loading adapter %s failed", load.key)
            if is_out_of_memory(error):
                release_memory(self._base.device)
            reason = "There is too little memory for it." if is_out_of_memory(error) else "See the worker's log."
            self._failed(load, f"The adapter can't be loaded. {reason}")
        if load.adapter is not None:
            return self._has_come(load.key, load.adapter)
        if load is self._load and load.waits and not self._is_late(load):
            self._load = None
            self._aside.append(load)
        return []

    def _has_come(self, key: str, adapter: A) -> list[T]:
        self._load = None
        self._loaded[key] = adapter
        self._sizes[key] = sum(half.nbytes for halves in adapter.layers.values() for half in halves)
        self._counters.adapter_loads += 1
        logger.info("Loaded adapter %s for %d layers", key, len(adapter.layers))
        return self._admit(key)

    def _admit(self, key: str) -> list[T]:
        tickets = list(self._line.pop(key, ()))
        self._use(key, tickets)
        for ticket in tickets:
            ticket.loaded()
        return tickets

    def _use(self, key: str, tickets: list[T]) -> None:
        self._loaded[key] = self._loaded.pop(key)  # as the last one
        self._users[key] = [*self._in_use(key), *tickets]

    def _failed(self, load: _Load[A], error: str) -> None:
        self._load = None
        logger.warning("Adapter %s: %s", load.key, error)
        for ticket in self._line.pop(load.key, ()):
            ticket.fail("load_failed", error)

    def _make_room(self, first: T) -> bool:
        """Whether one more may be loaded now, one that nobody uses having been let go if need be."""
        if len(self._loaded) < self._config.max_adapters or self._let_one_go():
            return True
        self._ask_to_leave(first)
        return False

    def _fits(self, size: int, first: T) -> bool:
        """Whether so many bytes are left, adapters that nobody uses having gone where that suffices. Raises
        UnsupportedAdapter where they can't be had."""
        if self._spare(size, held=self.nbytes, waited=0.0):
            return True
        idle = sum(self._sizes[key] for key in self._loaded if not self._in_use(key))
        if idle and self._spare(max(0, size - idle), held=self.nbytes, waited=0.0):
            while not self._spare(size, held=self.nbytes, waited=0.0) and self._let_one_go():
                pass
            return True
        spare = self._spare(size, held=self.nbytes, waited=first.waited)
        if spare is None:
            raise UnsupportedAdapter(
                f"It needs {mib(size):,} MiB, and beside the model itself and those in use less is left of what is "
                "allowed for all models. Raise ENGINE_MEMORY_MB, use an adapter of a lower rank, or try again later."
            )
        if not spare:
            self._ask_to_leave(first)
        return spare

    def _ask_to_leave(self, first: T) -> None:
        if not self._leaving and self._loaded and first.waited > self._config.residency_patience_seconds:
            self._leaving = next(iter(self._loaded))

    def _let_one_go(self) -> bool:
        """The longest unused of those that nobody uses; whether there was one."""
        idle = next((key for key in self._loaded if not self._in_use(key)), None)
        if idle is None:
            return False
        del self._loaded[idle], self._sizes[idle], self._users[idle]
        self._leaving = "" if idle == self._leaving else self._leaving
        self._counters.adapter_evictions += 1
        logger.info("Let adapter %s go to make room", idle)
        return True

    def _in_use(self, key: str) -> list[T]:
        self._users[key] = [ticket for ticket in self._users.get(key, ()) if not ticket.finished]
        return self._users[key]


def _key(ticket: Ticket) -> str:
    assert ticket.request.adapter is not None
    return ticket.request.adapter.key
