"""The pictures that one model was asked for, whichever way it draws them: how they come in, and how each ends."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import ClassVar, Generic, Protocol, TypeVar

import torch
from PIL.Image import Image

from engine.config import EngineConfig
from engine.device import is_out_of_memory, raise_if_lost, release_memory
from engine.forecast import Forecast, Work
from engine.image.encoding import Encoding, File
from engine.image.pixels import to_png
from engine.image.places import Drawing, Places
from engine.metrics import Counters
from engine.overload import too_long
from engine.ticket import ImageTicket, Ticket
from engine.types import FinishReason, ImageFacts, ImageParams, ImageRequest

logger = logging.getLogger(__name__)

PREVIEW_SECONDS = 0.3
"""Between two previews of a picture."""
WRONG_KIND = "This model draws pictures, it doesn't write. Choose a text model."
TOO_LATE = "The picture took longer than was asked for."
INTERNAL = "The engine failed on this picture. The administrator finds the reason in the worker's log."


class NonFinite(ArithmeticError):
    """The model computed infinite numbers, or none."""


@dataclass(slots=True, eq=False)
class Order:
    """One request for a picture."""

    ticket: ImageTicket
    rows: int
    """Of the network's batch that it takes: with guidance one more, for no prompt."""
    arrived: float
    turn: int = 0
    next_preview: float = 0.0
    """When one may be made again, of perf_counter()."""

    @property
    def params(self) -> ImageParams:
        return self.ticket.request.params

    def wants_preview(self, now: float) -> bool:
        """now: of perf_counter()."""
        return self.ticket.request.previews and now >= self.next_preview

    @property
    def user(self) -> str:
        return self.ticket.request.user

    @property
    def priority(self) -> int:
        return self.ticket.request.priority


class Asked(Drawing, Protocol):
    """An Order, as far as it is of any use here."""

    ticket: ImageTicket

    @property
    def steps_left(self) -> int: ...
    def wants_preview(self, now: float) -> bool: ...


A = TypeVar("A", bound=Asked)
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class _Meter:
    """Runs while the device works for some pictures."""

    began: float
    left_out: float
    """What `Orders._left_out` was then."""
    rows: int
    """Of all of them."""
    paid: set[object] = field(default_factory=set)
    """Those whose share was charged already."""


class Orders(Generic[A]):
    """Call from the engine thread only, in inference mode. Every ticket it takes ends in its finish."""

    bad_requests: ClassVar[tuple[type[Exception], ...]]
    """What says in its message what is wrong with a request."""
    out_of_memory: ClassVar[str]
    non_finite: ClassVar[str]

    def __init__(
        self,
        device: torch.device,
        config: EngineConfig,
        counters: Counters,
        *,
        most: int,
        encoding: Encoding,
        make_room: Callable[[], object] = lambda: None,
    ) -> None:
        """most: how many are drawn at once. encoding: writes the files. make_room: called when a step finds too
        little memory."""
        self._device, self._config, self._counters, self._make_room = device, config, counters, make_room
        self._encoding = encoding
        self._places: Places[A] = Places(most)
        self._forecast = Forecast()
        self._meter: _Meter | None = None

    @property
    def busy(self) -> bool:
        return bool(len(self._places))

    @property
    def running(self) -> int:
        return len(self._places.running)

    @property
    def waiting(self) -> int:
        return len(self._places.waiting)

    def rest(self) -> bool:
        return False

    def predicted_wait(self) -> float | None:
        running, waiting = (
            [Work(0, max(1, one.steps_left)) for one in list(line)]
            for line in (self._places.running, self._places.waiting)
        )
        return self._forecast.wait(running, waiting, self._places.most)

    def cancel(self, request_id: str) -> None:
        for picture in self._all():
            if picture.ticket.id == request_id:
                self._finish(picture, FinishReason.CANCELLED)

    def fail_all(self, code: str, error: str) -> None:
        for picture in self._all():
            self._finish(picture, FinishReason.ERROR, code, error)

    def _checked(
        self,
        ticket: Ticket,
        refusal: Callable[[ImageRequest, ImageFacts], tuple[str, str] | None],
        facts: ImageFacts,
    ) -> ImageTicket | None:
        """A good request for a picture; None for one that ended at once. refusal: error code and sentence."""
        if not isinstance(ticket, ImageTicket):
            ticket.fail("bad_request", WRONG_KIND)
            return None
        wrong = refusal(ticket.request, facts)
        if wrong is None:
            return ticket
        ticket.fail(*wrong)
        return None

    def _take(self, picture: A) -> None:
        """A good request: it waits from now on. One that would wait for too long ends at once."""
        ticket = picture.ticket
        late = too_long(self.predicted_wait(), ticket.seconds_left, self._config.max_wait_seconds)
        if late is None:
            self._places.add(picture)
        else:
            self._counters.refused += 1
            ticket.fail(*late)

    def _all(self) -> list[A]:
        return [*self._places.running, *self._places.waiting]

    def _finish(self, picture: A, reason: FinishReason, code: str = "", error: str = "") -> None:
        if picture in self._all():
            self._places.remove(picture)
        picture.ticket.finish(reason, code, error)

    def _due_for_preview(self, picture: A, now: float) -> bool:
        return picture.wants_preview(now) and self._encoding.takes_preview(picture.ticket)

    def _hand_over(self, picture: A, made: Image) -> None:
        """Finished, and gone from here: its end comes when its file is written, and tells how long the device worked
        for it."""
        self._pay(picture)
        self._places.remove(picture)
        self._encoding.picture(picture.ticket, partial(_file_of, made))

    def _failed(self, picture: A, error: Exception) -> None:
        """This one ends, with the sentence for what happened. What failed is at its own expense where it is why, and
        at nobody's where the site is."""
        if isinstance(error, self.bad_requests):
            told = ("bad_request", str(error))
            self._pay(picture)
        elif isinstance(error, NonFinite):
            told = ("non_finite", self.non_finite)
            self._pay(picture)
        elif is_out_of_memory(error):
            told = ("out_of_memory", self.out_of_memory)
        else:
            raise_if_lost(self._device, error)
            told = ("internal", INTERNAL)
            logger.error("Request %s failed", picture.ticket.id, exc_info=error)
        self._finish(picture, FinishReason.ERROR, *told)

    def _admit(self) -> list[A]:
        """Those that get a place now, after those have gone whose time is over. None where so many finished ones
        wait to be written that they would fill the memory."""
        for picture in self._all():
            if picture.ticket.overdue:
                self._finish(picture, FinishReason.ERROR, "deadline", TOO_LATE)
        return [] if self._encoding.is_full else self._places.admit(perf_counter())

    @property
    def _left_out(self) -> float:
        """Seconds so far that are at nobody's expense."""
        return 0.0

    def _timed(self, pictures: Sequence[A], work: Callable[[], R]) -> tuple[R, float]:
        """Do it, and share its time among them by their rows: what it gives, and the seconds to be shared."""
        meter = self._meter = _Meter(perf_counter(), self._left_out, sum(picture.rows for picture in pictures))
        try:
            done = work()
            return done, self._seconds(meter)
        finally:
            self._counters.busy_seconds += perf_counter() - meter.began
            for picture in pictures:
                self._pay(picture)
            self._meter = None

    def _pay(self, picture: A) -> None:
        """Its share of what the device has done since the work began that goes on, once. What comes after its end
        counts only for whose turn it is."""
        meter = self._meter
        if meter is None or picture in meter.paid:
            return
        meter.paid.add(picture)
        share = self._seconds(meter) * picture.rows / meter.rows
        picture.ticket.device_seconds += share
        self._places.charge(picture, share)

    def _seconds(self, meter: _Meter) -> float:
        return perf_counter() - meter.began - (self._left_out - meter.left_out)

    def _recover(self, error: Exception) -> None:
        """Before what failed is run again. The traceback would keep all that the step had computed so far."""
        raise_if_lost(self._device, error)
        if is_out_of_memory(error):
            traceback.clear_frames(error.__traceback__)
            self._make_room()
            release_memory(self._device)


def _file_of(made: Image) -> File:
    png, digest = to_png(made)
    return File(png, made.width, made.height, digest)
