"""One loaded pipeline that is called as a whole: a picture after the other, a step each time the engine says so."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from engine.chat.errors import ChatError
from engine.config import EngineConfig
from engine.image.compatible.checks import refusal
from engine.image.compatible.drawing import Drawing
from engine.image.compatible.loader import WholePipeline
from engine.image.encoding import Encoding
from engine.image.orders import PREVIEW_SECONDS, Order, Orders
from engine.image.pixels import BadPicture
from engine.made_with import made_with
from engine.metrics import Counters
from engine.ticket import Ticket
from engine.types import FinishReason


@dataclass(slots=True, eq=False)
class Picture(Order):
    drawing: Drawing | None = None
    """Once it was begun."""
    bucket: Hashable = None

    @property
    def steps_left(self) -> int:
        return self.params.steps if self.drawing is None else self.drawing.steps - self.drawing.done


class CompatibleEngine(Orders[Picture]):
    """Obeys engine.model_engine.ModelEngine."""

    bad_requests = (BadPicture, ChatError)
    out_of_memory = "The device has too little memory left for this picture. Try a smaller one, or try again later."
    non_finite = "The model computed no numbers for this picture. Try another seed, or less guidance."
    attention = "diffusers"
    adapters: tuple[str, ...] = ()

    def __init__(
        self,
        model: WholePipeline,
        config: EngineConfig,
        counters: Counters,
        *,
        encoding: Encoding,
        room: int = 0,
        make_room: Callable[[], object] = lambda: None,
    ) -> None:
        """encoding: writes the files. room: bytes that it may take beside its weights. make_room: called when a step
        finds too little memory."""
        super().__init__(model.device, config, counters, most=1, encoding=encoding, make_room=make_room)
        self._model = model
        self.cache_bytes = room
        self._made_with = made_with(model.device, model.dtype, self.attention, cache="exact") | {
            "scheduler": type(model.parts["scheduler"]).__name__,
            "lane": "compatible",
        }

    def add(self, ticket: Ticket) -> None:
        """Take a request; a bad one ends at once, and one that would wait for too long."""
        good = self._checked(ticket, refusal, self._model.facts)
        if good is not None:
            self._take(Picture(good, self._model.facts.rows(good.request.params.guidance), perf_counter()))

    def step(self) -> None:
        """Begin the next one where none is drawn, and go on with it: its prompt, a step, or its pixels."""
        for picture in self._admit():
            picture.ticket.started()
            picture.ticket.made_with = self._made_with
            picture.drawing = Drawing(self._model, picture.ticket.request, self._config)
        for picture in self._places.batch({}):
            drawing = drawing_of(picture)
            before = drawing.done
            advance = partial(self._advance, picture, drawing)
            _, seconds = self._timed([picture], partial(self._guarded, picture, advance))
            if drawing.done > before and picture in self._places.running:
                self._counters.steps += 1
                self._forecast.took(1, 0, seconds)
                self._guarded(picture, partial(self._tell, picture, drawing))

    def _guarded(self, picture: Picture, work: Callable[[], None]) -> None:
        """What fails here is this picture's affair alone."""
        try:
            work()
        except Exception as error:
            self._recover(error)
            self._failed(picture, error)

    def _advance(self, picture: Picture, drawing: Drawing) -> None:
        if drawing.is_read:
            picture.ticket.stepping()
        try:
            drawing.advance()
        finally:
            picture.ticket.prompt_tokens = drawing.prompt_tokens
        if drawing.over:
            self._hand_over(picture, drawing.picture())

    def _tell(self, picture: Picture, drawing: Drawing) -> None:
        ticket, now = picture.ticket, perf_counter()
        ticket.stepped(drawing.done, drawing.steps)
        if drawing.guess is not None and drawing.done < drawing.steps and self._due_for_preview(picture, now):
            picture.next_preview = now + PREVIEW_SECONDS
            self._encoding.preview(ticket, self._model.previewer(drawing.guess))
        if ticket.finished:  # its sink broke
            self._finish(picture, FinishReason.ERROR)

    def _finish(self, picture: Picture, reason: FinishReason, code: str = "", error: str = "") -> None:
        if picture.drawing is not None:
            picture.drawing.end()
        super()._finish(picture, reason, code, error)


def drawing_of(picture: Picture) -> Drawing:
    """Of one that was begun."""
    assert picture.drawing is not None
    return picture.drawing
