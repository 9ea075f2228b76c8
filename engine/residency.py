"""Which models are on the device: loaded on demand, one at a time, the longest unused one making room.

Loading is done in the engine thread in small pieces between the steps of the other models, which go on meanwhile,
slower: building the empty module and reading one tensor are the longest they pause. The source is asked in a thread of
its own, for it may have to hash many gigabytes.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from time import perf_counter

from engine.config import EngineConfig
from engine.device import is_out_of_memory, pick_device, release_memory
from engine.metrics import Counters
from engine.source import ModelSource, ModelUnavailable
from engine.text.budget import TooSmall
from engine.text.engine import TextEngine
from engine.text.loader import LoadedModel, LoadFailed, load_model
from engine.ticket import Ticket
from engine.types import FinishReason

logger = logging.getLogger(__name__)

SLICE_SECONDS = 0.03
"""Loading gives way to the running sequences after so long."""
LOOK_SECONDS = 0.002
"""How long to wait for the source before looking after the running sequences again."""


class Residency:
    """Call from the engine thread only. `engines` are the loaded models, the longest unused first."""

    def __init__(self, source: ModelSource, config: EngineConfig, counters: Counters) -> None:
        self._source, self._config, self._counters = source, config, counters
        self.engines: dict[str, TextEngine] = {}
        self._line: dict[str, deque[Ticket]] = {}
        """Requests whose model isn't loaded, or is about to make room; the first model is the next to load."""
        self._load: Generator[bool, None, LoadedModel] | None = None
        self._load_seconds = 0.0
        self.loading: str | None = None
        self._leaving: str | None = None
        """A busy model that takes no new requests, so that another one gets its turn."""

    @property
    def waiting(self) -> int:
        return sum(len(line) for line in self._line.values())

    @property
    def idle(self) -> bool:
        return not self._line and self.loading is None and not any(engine.busy for engine in self.engines.values())

    def add(self, ticket: Ticket) -> None:
        model = ticket.request.model
        if model in self.engines and model != self._leaving:
            self.engines[model] = self.engines.pop(model)
            self.engines[model].add(ticket)
            return
        self._line.setdefault(model, deque()).append(ticket)
        if model == self.loading:
            ticket.loading()

    def cancel(self, request_id: str) -> None:
        for engine in self.engines.values():
            engine.cancel(request_id)
        for model, line in list(self._line.items()):
            for ticket in [ticket for ticket in line if ticket.id == request_id]:
                line.remove(ticket)
                ticket.finish(FinishReason.CANCELLED)
            if not line:
                del self._line[model]

    def drop(self, model: str) -> None:
        """Forget a loaded model at once."""
        engine = self.engines.pop(model)
        engine.fail_all("internal", "The engine failed while this request was running. It can be sent again.")
        if model == self._leaving:
            self._leaving = None

    def advance(self) -> None:
        """Do a little of what has to be loaded. Beginning is a turn of its own, so a cancel can come in between."""
        if self.loading is None:
            self._begin()
        else:
            self._continue(self.loading)

    def _begin(self) -> None:
        model = next(iter(self._line), None)
        if model is None or not self._make_room(model):
            return
        self._leaving = None
        self.loading, self._load_seconds = model, 0.0
        for ticket in self._line[model]:
            ticket.loading()
        self._load = self._steps_of_loading(model)

    def _steps_of_loading(self, model: str) -> Generator[bool, None, LoadedModel]:
        """Yields after every piece, whether it makes sense to go on at once."""
        with ThreadPoolExecutor(1, thread_name_prefix="model-source") as executor:
            folder: Future[Path] = executor.submit(self._source.path, model)
            while wait([folder], LOOK_SECONDS).not_done:
                yield False
        loading = load_model(folder.result(), self._config)
        while True:
            try:
                next(loading)
            except StopIteration as done:
                loaded: LoadedModel = done.value
                return loaded
            yield True

    def _make_room(self, model: str) -> bool:
        """Whether another model may be loaded now, an idle one having been evicted if need be."""
        if model in self.engines:  # it was asked to leave, but nobody has taken its place yet
            return self._return(model)
        if len(self.engines) < self._config.max_resident:
            return True
        idle = next((name for name, engine in self.engines.items() if not engine.busy), None)
        if idle is not None:
            self._evict(idle)
            return True
        if self._leaving is None and self._line[model][0].waited > self._config.residency_patience_seconds:
            self._leaving = next(iter(self.engines))
        return False

    def _return(self, model: str) -> bool:
        self._leaving = None
        for ticket in self._line.pop(model):
            self.add(ticket)
        return False

    def _evict(self, model: str) -> None:
        del self.engines[model]
        self._counters.evictions += 1
        release_memory(pick_device(self._config))
        logger.info("Unloaded model %s to make room", model)

    def _continue(self, model: str) -> None:
        assert self._load is not None
        began = perf_counter()
        try:
            while next(self._load) and perf_counter() - began < SLICE_SECONDS:
                pass
        except StopIteration as done:
            self._load_seconds += perf_counter() - began
            self._loaded(model, done.value)
        except (ModelUnavailable, LoadFailed) as error:
            self._failed(model, f"The model can't be loaded. {error}")
        except Exception as error:
            logger.exception("Loading model %s failed", model)
            reason = "There is too little memory for it." if is_out_of_memory(error) else "See the worker's log."
            self._failed(model, f"The model can't be loaded. {reason}")
        else:
            self._load_seconds += perf_counter() - began

    def _loaded(self, model: str, loaded: LoadedModel) -> None:
        try:
            engine = TextEngine(loaded, self._config, self._counters, self._source)
        except (TooSmall, ValueError) as error:
            self._failed(model, f"The model can't be loaded. {error}")
            return
        self._end_load()
        self._counters.loads += 1
        self._counters.load_seconds += self._load_seconds
        logger.info(
            "Loaded model %s in %.2f s (%s on %s, attention: %s)",
            model, self._load_seconds, loaded.dtype, loaded.device, engine.attention,
        )  # fmt: skip
        self.engines[model] = engine
        for ticket in self._line.pop(model, ()):
            ticket.loaded()
            self.engines[model].add(ticket)

    def _failed(self, model: str, error: str) -> None:
        self._end_load()
        self._counters.load_failures += 1
        logger.warning("Model %s: %s", model, error)
        release_memory(pick_device(self._config))
        for ticket in self._line.pop(model, ()):
            ticket.fail("load_failed", error)

    def _end_load(self) -> None:
        self._load = self.loading = None
