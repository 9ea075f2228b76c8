"""The pictures that one Janus draws: a token for each of them at every step, one after the other."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from engine.chat import ChatError
from engine.config import EngineConfig
from engine.device import is_out_of_memory, release_memory
from engine.forecast import Forecast, Work
from engine.image.checkpoint import BadCheckpoint, fingerprint
from engine.image.pixels import to_png
from engine.image.places import Places
from engine.janus.checkpoint import kept, saved
from engine.janus.checks import refusal
from engine.janus.drawing import Drawing, NonFinite
from engine.janus.model import LoadedJanus
from engine.janus.picture import Picture, preview, shown
from engine.janus.prompts import BadPrompt, drawing_prompt
from engine.made_with import versions
from engine.metrics import Counters
from engine.overload import too_long
from engine.ticket import ImageTicket
from engine.types import FinishReason

logger = logging.getLogger(__name__)
Made = TypeVar("Made")

PREVIEW_SECONDS = 0.3
"""Between two previews of a picture, at least."""
PREVIEW_SHARE = 0.1
"""Of the time, at most, that its previews take: here they are decoded like finished pictures."""
OUT_OF_MEMORY = "The device has too little memory left for this picture. Try again later."
NON_FINITE = "The model computed no numbers for this picture. Try another seed, or less guidance."
TOO_LATE = "The picture took longer than was asked for."
INTERNAL = "The engine failed on this picture. The administrator finds the reason in the worker's log."


class Pictures:
    """Call from the engine thread only, in inference mode. Every ticket it takes ends in its finish."""

    def __init__(
        self,
        model: LoadedJanus,
        config: EngineConfig,
        counters: Counters,
        *,
        most: int,
        make_room: Callable[[], object] = lambda: None,
    ) -> None:
        """most: how many are drawn at once. make_room: called when a step finds too little memory."""
        self._model, self._config, self._counters, self._make_room = model, config, counters, make_room
        self._places: Places[Picture] = Places(most)
        self._forecast = Forecast()
        self._made_with = {
            **versions(),
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "attention": "transformers",
            "weights": "full",
            "compile": "off",
            "cache": "exact",
        }

    @property
    def running(self) -> int:
        return len(self._places.running)

    @property
    def waiting(self) -> int:
        return len(self._places.waiting)

    def predicted_wait(self) -> float | None:
        steps = self._model.facts.steps
        running, waiting = (
            [Work(0, steps if one.drawing is None else max(1, steps - len(one.drawing.tokens))) for one in list(line)]
            for line in (self._places.running, self._places.waiting)
        )
        return self._forecast.wait(running, waiting, self._places.most)

    # --- coming and going -----------------------------------------------------------------------------------------

    def add(self, ticket: ImageTicket) -> None:
        """A bad request ends at once, and one that would wait for too long."""
        request = ticket.request
        wrong = refusal(request, self._model.facts)
        late = too_long(self.predicted_wait(), request.deadline_seconds, self._config.max_wait_seconds)
        if wrong is None and late is not None:
            wrong = late
            self._counters.refused += 1
        if wrong is not None:
            ticket.fail(*wrong)
        else:
            self._places.add(Picture(ticket, perf_counter()))

    def cancel(self, request_id: str) -> None:
        for picture in self._all():
            if picture.ticket.id == request_id:
                self._finish(picture, FinishReason.CANCELLED)

    def fail_all(self, code: str, error: str) -> None:
        for picture in self._all():
            self._finish(picture, FinishReason.ERROR, code, error)

    def _all(self) -> list[Picture]:
        return [*self._places.running, *self._places.waiting]

    def _finish(self, picture: Picture, reason: FinishReason, code: str = "", error: str = "") -> None:
        if picture in self._all():
            self._places.remove(picture)
        picture.ticket.finish(reason, code, error)

    def _failed(self, picture: Picture, error: Exception) -> None:
        """This one ends, with the sentence for what happened."""
        if isinstance(error, (BadPrompt, ChatError)):
            told = ("bad_request", str(error))
        elif isinstance(error, NonFinite):
            told = ("non_finite", NON_FINITE)
        elif is_out_of_memory(error):
            told = ("out_of_memory", OUT_OF_MEMORY)
        else:
            told = ("internal", INTERNAL)
            logger.error("Request %s failed", picture.ticket.id, exc_info=error)
        self._finish(picture, FinishReason.ERROR, *told)

    # --- steps ----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Begin those that get a place, then a token more of each."""
        for picture in self._all():
            limit = picture.ticket.request.deadline_seconds
            if limit is not None and picture.ticket.waited > limit:
                self._finish(picture, FinishReason.ERROR, "deadline", TOO_LATE)
        for picture in self._places.admit(perf_counter()):
            self._timed(picture, self._begin)
        began, batch = perf_counter(), self._places.batch({})
        for picture in batch:
            picture.ticket.stepping()
            self._timed(picture, self._advance)
        if batch:
            self._counters.steps += 1
            self._forecast.took(len(batch), 0, perf_counter() - began)

    def _timed(self, picture: Picture, work: Callable[[Picture], None]) -> None:
        """What fails here is this picture's affair alone."""
        began = perf_counter()
        try:
            work(picture)
        except Exception as error:
            self._recover(error)
            self._failed(picture, error)
        seconds = perf_counter() - began
        self._counters.busy_seconds += seconds
        picture.ticket.device_seconds += seconds
        if picture in self._places.running:
            self._places.charge(picture, seconds)

    def _begin(self, picture: Picture) -> None:
        ticket, model = picture.ticket, self._model
        ticket.made_with = self._made_with
        ticket.started()
        prompt = drawing_prompt(model.chat, model.marks, picture.params.prompt, model.facts.prompt_tokens)
        ticket.prompt_tokens = len(prompt)
        picture.drawing = Drawing(model, prompt, picture.params, self._resumed(picture))

    def _resumed(self, picture: Picture) -> list[int]:
        """The tokens of its checkpoint, where it has a good one."""
        request = picture.ticket.request
        if request.checkpoint is None:
            return []
        try:
            made = self._model.facts.steps
            return kept(request.checkpoint, fingerprint(request, self._made_with), made, self._model.picture_tokens)
        except BadCheckpoint as error:
            logger.warning("Request %s begins anew: of its checkpoint, %s", request.id, error)
            return []

    def _advance(self, picture: Picture) -> None:
        drawing = picture.drawing
        assert drawing is not None
        self._twice(drawing.step)
        if drawing.over:
            self._tell(picture, drawing, b"")
            png, digest = to_png(self._twice(lambda: shown(self._model, drawing)))
            picture.ticket.picture(png, self._model.facts.width, self._model.facts.height, digest)
            self._finish(picture, FinishReason.STOP)
        else:
            self._tell(picture, drawing, self._preview(picture, drawing))

    def _tell(self, picture: Picture, drawing: Drawing, seen: bytes) -> None:
        ticket, made = picture.ticket, len(drawing.tokens)
        ticket.stepped(made, drawing.steps, seen)
        if drawing.at_quarter and not drawing.over:
            ticket.checkpoint(made, saved(drawing.tokens, fingerprint(ticket.request, self._made_with)))
        if ticket.finished:  # its sink broke
            self._finish(picture, FinishReason.ERROR)

    def _preview(self, picture: Picture, drawing: Drawing) -> bytes:
        """A small WebP, or nothing where it is too early for one."""
        began = perf_counter()
        if not picture.ticket.request.previews or began < picture.next_preview:
            return b""
        seen = self._twice(lambda: preview(shown(self._model, drawing)))
        ended = perf_counter()
        picture.next_preview = ended + max(PREVIEW_SECONDS, (ended - began) / PREVIEW_SHARE)
        return seen

    def _twice(self, work: Callable[[], Made]) -> Made:
        """Without memory, once more after room was made."""
        try:
            return work()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._counters.isolated_steps += 1
            self._recover(error)
        return work()

    def _recover(self, error: Exception) -> None:
        """The traceback would keep all that was computed so far."""
        if is_out_of_memory(error):
            traceback.clear_frames(error.__traceback__)
            self._make_room()
            release_memory(self._model.device)
