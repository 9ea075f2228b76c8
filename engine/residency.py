"""Which models are on the device: loaded on demand, one at a time, idle ones making room within a memory budget.

A load goes on in small pieces between the steps of the other models (see `engine.loading`). Where busy models hold the
memory, the next one waits, and those behind it are tried meanwhile: one may fit. After a while the longest unused of
the busy ones takes no new requests, finishes, and makes room; then nobody passes any more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from functools import partial

from engine.config import EngineConfig
from engine.device import is_out_of_memory, memory_budget, pick_device, raise_if_lost, release_memory
from engine.image.encoding import Encoding
from engine.kinds import Surroundings
from engine.load_times import LoadTimes
from engine.loaded import LoadFailed
from engine.loading import Load
from engine.memory import mib
from engine.metrics import Counters
from engine.model_engine import ModelEngine
from engine.overload import too_long
from engine.room import Footprint, NeverFits, Resident, Room, evictions, room_for
from engine.source import ModelSource, ModelUnavailable
from engine.text.budget import TooSmall
from engine.ticket import INTERNAL, Ticket
from engine.types import FinishReason

logger = logging.getLogger(__name__)

SLICE_SECONDS = 0.03
"""Loading gives way to the running sequences after so long."""
TOO_LATE = "The model wasn't ready in the time that was asked for."
NO_MEMORY = "There is too little memory for it now. Try again later; the administrator finds more in the worker's log."


class Residency:
    """Call from the engine thread only. `engines` are the loaded models, the longest unused first."""

    def __init__(
        self,
        source: ModelSource,
        config: EngineConfig,
        counters: Counters,
        load_times: LoadTimes,
        encoding: Encoding,
    ) -> None:
        """encoding: writes the files of pictures."""
        self._config, self._counters, self._load_times = config, counters, load_times
        self._around = Surroundings(
            config,
            counters,
            source,
            encoding,
            self._short_of_memory,
            lambda model: partial(self._spare, model),
            self._is_alone,
        )
        self.budget = memory_budget(config)
        self.engines: dict[str, ModelEngine] = {}
        self.weights: dict[str, int] = {}
        """Bytes, of the loaded models."""
        self._line: dict[str, deque[Ticket]] = {}
        """Requests whose model isn't loaded, or is about to make room; the first model is the next to load."""
        self._load: Load | None = None
        self._aside: deque[Load] = deque()
        """Loads that wait for room while another one is tried."""
        self._leaving: str | None = None
        """A busy model that takes no new requests, so that another one gets its turn."""

    @property
    def loading(self) -> str | None:
        load = self._load or next(iter(self._aside), None)
        return None if load is None else load.name

    @property
    def waiting(self) -> int:
        return sum(len(line) for line in self._line.values())

    @property
    def idle(self) -> bool:
        loading = self._load is not None or self._aside
        return not self._line and not loading and not any(engine.busy for engine in self.engines.values())

    def add(self, ticket: Ticket) -> None:
        """What nobody foresaw in one request is that request's affair alone."""
        try:
            self._add(ticket)
        except Exception:
            logger.exception("Request %s could not be taken", ticket.id)
            ticket.fail("internal", INTERNAL)

    def _add(self, ticket: Ticket) -> None:
        model = ticket.request.model
        if model in self.engines and model != self._leaving:
            self.engines[model] = self.engines.pop(model)
            self.engines[model].add(ticket)
            return
        late = too_long(self._seconds_left(model), ticket.seconds_left, self._config.max_wait_seconds)
        if late is not None:
            self._counters.refused += 1
            ticket.fail(*late)
            return
        self._line.setdefault(model, deque()).append(ticket)
        self._tell(model)

    def cancel(self, request_id: str) -> None:
        for engine in self.engines.values():
            engine.cancel(request_id)
        for model, ticket in [pair for pair in self._in_line() if pair[1].id == request_id]:
            self._take_out(model, ticket)
            ticket.finish(FinishReason.CANCELLED)

    def drop(self, model: str) -> None:
        """Forget a loaded model at once."""
        engine = self.engines[model]
        engine.fail_all("internal", "The engine failed while this request was running. It can be sent again.")
        self._remove(model)
        release_memory(pick_device(self._config))

    def advance(self) -> None:
        """Do a little of what has to be loaded. Beginning is a turn of its own, so a cancel can come in between."""
        self._end_overdue()
        if self._load is None:
            self._begin()
        elif self._load.waits and self._load.name not in self._line:
            self._end_load()  # nobody wants it any more
        else:
            self._continue(self._load)
            self._give_way()

    # --- the line -------------------------------------------------------------------------------------------------

    def _in_line(self) -> list[tuple[str, Ticket]]:
        return [(model, ticket) for model, line in self._line.items() for ticket in line]

    def _take_out(self, model: str, ticket: Ticket) -> None:
        self._line[model].remove(ticket)
        if not self._line[model]:
            del self._line[model]

    def _end_overdue(self) -> None:
        for model, ticket in self._in_line():
            if ticket.overdue:
                self._take_out(model, ticket)
                ticket.fail("deadline", TOO_LATE)

    def _tell(self, model: str) -> None:
        """Everybody in this line, where they are: one that is the next to load needs no word before it begins."""
        load = self._load
        if load is None and not self._aside:
            return
        begun = load is not None and load.name == model and not load.waits
        for ticket in self._line.get(model, ()):
            ticket.loading(self._seconds_left(model) if begun else None, begun=begun)

    def _seconds_left(self, model: str) -> float | None:
        """Until a model that isn't loaded is, once it is its turn; None where nothing was measured."""
        load = self._load if self._load is not None and self._load.name == model else None
        footprint = load.footprint if load is not None else None
        expected = self._load_times.expected(model, footprint.weights if footprint is not None else None)
        if expected is None or load is None or load.waits:
            return expected
        return max(0.0, expected - load.seconds)

    # --- loading --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        aside = {load.name for load in self._aside}
        model = next((name for name in self._line if name not in aside), None)
        if model is None:
            self._load = self._aside.popleft() if self._aside else None
            return
        if model in self.engines:  # it was asked to leave, but nobody has taken its place
            self._leaving = None
            for ticket in self._line.pop(model):
                self.add(ticket)
            return
        self._load = Load(model, self._around, self.budget, self._find_room, self._short_of_memory)
        for other in self._line:
            self._tell(other)

    def _give_way(self) -> None:
        if self._load is not None and self._load.waits and self._leaving is None:
            self._aside.append(self._load)
            self._load = None

    def _continue(self, load: Load) -> None:
        failure, knew, waited = "", load.footprint is not None, load.waits
        try:
            done = load.advance(SLICE_SECONDS)
        except (ModelUnavailable, LoadFailed, TooSmall, NeverFits, ValueError) as error:
            done, failure = True, f"The model can't be loaded. {error}"
        except Exception as error:
            logger.exception("Loading model %s failed", load.name)
            raise_if_lost(pick_device(self._config), error)
            reason = NO_MEMORY if is_out_of_memory(error) else "See the worker's log."
            done, failure = True, f"The model can't be loaded. {reason}"
        if failure:
            self._failed(load.name, failure)
        elif done:
            self._loaded(load)
        elif (load.footprint is not None) != knew or load.waits != waited:
            self._tell(load.name)

    def _loaded(self, load: Load) -> None:
        assert load.engine is not None
        assert load.footprint is not None
        seconds, engine, model = load.seconds, load.engine, load.name
        self._counters.loads += 1
        self._counters.load_seconds += seconds
        self._load_times.took(model, load.footprint.weights, seconds)
        self.weights[model] = load.footprint.weights
        self.engines[model] = engine
        self._end_load()
        logger.info(
            "Loaded model %s in %.2f s (%d MiB of weights, %d MiB of cache, attention: %s)",
            model, seconds, mib(self.weights[model]), mib(engine.cache_bytes), engine.attention,
        )  # fmt: skip
        for ticket in self._line.pop(model, ()):
            ticket.loaded()
            self.add(ticket)

    def _failed(self, model: str, error: str) -> None:
        self._end_load()
        self._counters.load_failures += 1
        logger.warning("Model %s: %s", model, error)
        release_memory(pick_device(self._config))
        for ticket in self._line.pop(model, ()):
            ticket.fail("load_failed", error)

    def _end_load(self) -> None:
        self._load = self._leaving = None

    # --- room -----------------------------------------------------------------------------------------------------

    def _find_room(self, footprint: Footprint) -> Room | None:
        room = room_for(footprint, self.budget, self._residents(), self._config.max_resident)
        if room is None:
            line = self._line.get(self.loading or "")
            self._ask_to_leave(line[0].waited if line else 0.0)
        elif room.evict:
            self._evict(room.evict)
        return room

    def _residents(self) -> list[Resident]:
        return [
            Resident(name, self.weights[name] + engine.cache_bytes, engine.busy)
            for name, engine in self.engines.items()
        ]

    def _spare(self, model: str, nbytes: int, *, held: int, waited: float) -> bool | None:
        """Of `Spare`, for an adapter of this model, which is busy: a request waits for it."""
        if self.weights[model] + self.engines[model].cache_bytes - held + nbytes > self.budget:
            return None
        coming = [] if self._load is None else [Resident(self._load.name, self._load.granted, True)]
        evict = evictions(nbytes, self.budget, [*self._residents(), *coming])
        if evict is None:
            stuck = self._load is None and not any(engine.running for engine in self.engines.values())
            if stuck and waited > self._config.residency_patience_seconds:
                return None  # each would wait for the other
            self._ask_to_leave(waited, but=model)
            return False
        if evict:
            self._evict(evict)
        return True

    def _is_alone(self, model: str) -> bool:
        return self._load is None and not any(engine.busy for name, engine in self.engines.items() if name != model)

    def _ask_to_leave(self, waited: float, but: str = "") -> None:
        """The longest unused of the busy ones, for somebody who waited for so long."""
        if self._leaving is None and waited > self._config.residency_patience_seconds:
            self._leaving = next((one for one, engine in self.engines.items() if engine.busy and one != but), None)

    def _short_of_memory(self) -> bool:
        """The memory didn't suffice, whatever the budget says: all idle models go. Whether there was one."""
        self._counters.out_of_memory += 1
        idle = [name for name, engine in self.engines.items() if not engine.busy]
        self._evict(idle)
        return bool(idle)

    def _evict(self, models: Iterable[str]) -> None:
        for model in models:
            self._remove(model)
            self._counters.evictions += 1
            logger.info("Unloaded model %s to make room", model)
        release_memory(pick_device(self._config))

    def _remove(self, model: str) -> None:
        del self.engines[model], self.weights[model]
        if model == self._leaving:
            self._leaving = None
