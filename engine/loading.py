"""One load: find the folder, see how much it takes, wait for room, read it. In the engine thread, a piece at a time:
building the empty module and reading one tensor are the longest that running sequences pause.

The source is asked in a thread of its own, for it may have to hash many gigabytes.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from engine.device import is_out_of_memory
from engine.kinds import Surroundings, footprint_of, read
from engine.model_engine import ModelEngine
from engine.room import Footprint, Room
from engine.weights import split_key

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.002
"""How long to wait for the source before looking after the running sequences again."""
Pieces = Generator[bool, None, None]


class Load:
    """`advance` it until it returns True; then `engine` is there.

    find_room: evicts what has to go and says how much cache there is; None: not yet. make_room: evicts what can go,
    after the memory didn't suffice; whether anything went.
    """

    def __init__(
        self,
        name: str,
        around: Surroundings,
        budget: int,
        find_room: Callable[[Footprint], Room | None],
        make_room: Callable[[], bool],
    ) -> None:
        self.name = name
        self.footprint: Footprint | None = None
        """Once it is known. Rounded weights are read in full and rounded then, so they need the room of full ones."""
        self.waits = False
        """For room: then it may be given up, for nothing was evicted or read for it."""
        self.engine: ModelEngine | None = None
        self._around, self._budget = around, budget
        self._model, self._weights = split_key(name)
        self._find_room, self._make_room = find_room, make_room
        self._began = perf_counter()
        self._waited = 0.0
        self._room: Room | None = None
        self._pieces = self._run()

    @property
    def granted(self) -> int:
        """Bytes of weights and cache, once there is room for them."""
        return 0 if self._room is None or self.footprint is None else self.footprint.weights + self._room.cache

    @property
    def seconds(self) -> float:
        """Since it began, waiting for room left out."""
        return perf_counter() - self._began - self._waited

    def advance(self, seconds: float) -> bool:
        """Go on for so long, or until it has to wait. Whether it is done. Raises whatever makes the load fail."""
        end = perf_counter() + seconds
        while (goes_on := next(self._pieces, None)) is not None:
            if not goes_on or perf_counter() >= end:
                return False
        return True

    def _run(self) -> Pieces:
        """Yields after every piece, whether it makes sense to go on at once."""
        with ThreadPoolExecutor(1, thread_name_prefix="model-source") as executor:
            finding: Future[tuple[Path, Footprint]] = executor.submit(self._found)
            while wait([finding], LOOK_SECONDS).not_done:
                yield False
        folder, self.footprint = finding.result()
        yield from self._wait_for_room(self.footprint)
        try:
            yield from self._read(folder)
            return
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they would keep all that was read so far
            if not self._make_room():
                raise
        logger.warning("Too little memory for model %s; idle models have made room, once more", self.name)
        yield from self._read(folder)

    def _found(self) -> tuple[Path, Footprint]:
        folder = self._around.source.path(self._model)
        return folder, footprint_of(folder, self._around.config, self._budget)

    def _wait_for_room(self, footprint: Footprint) -> Pieces:
        began = perf_counter()
        while (room := self._find_room(footprint)) is None:
            self.waits = True
            yield False
        self.waits = False
        self._waited = perf_counter() - began
        self._room = room
        yield False

    def _read(self, folder: Path) -> Pieces:
        assert self._room is not None
        reading = read(self.name, folder, self._weights, self._room.cache, self._around)
        while True:
            try:
                goes_on = next(reading) is not False
            except StopIteration as done:
                self.engine = done.value.engine
                if done.value.weights is not None and self.footprint is not None:
                    self.footprint = replace(self.footprint, weights=done.value.weights)
                return
            yield goes_on
