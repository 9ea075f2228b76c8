"""The pictures that one Janus draws: a token for each of them at every step, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TypeVar

from engine.chat import ChatError
from engine.config import EngineConfig
from engine.device import is_out_of_memory
from engine.image.checkpoint import BadCheckpoint, fingerprint
from engine.image.encoding import Encoding
from engine.image.orders import PREVIEW_SECONDS, Orders
from engine.image.pixels import to_preview
from engine.janus.checkpoint import kept, saved
from engine.janus.checks import refusal
from engine.janus.drawing import Drawing
from engine.janus.model import LoadedJanus
from engine.janus.picture import Picture, shown
from engine.janus.prompts import BadPrompt, drawing_prompt
from engine.made_with import made_with
from engine.metrics import Counters
from engine.ticket import ImageTicket
from engine.types import FinishReason

logger = logging.getLogger(__name__)
Made = TypeVar("Made")

PREVIEW_SHARE = 0.1
"""Of the time, at most, that its previews take: here they are decoded like finished pictures."""


class Pictures(Orders[Picture]):
    """Beside the texts of the same model: see engine.janus.engine."""

    bad_requests = (BadPrompt, ChatError)
    out_of_memory = "The device has too little memory left for this picture. Try again later."
    non_finite = "The model computed no numbers for this picture. Try another seed, or less guidance."

    def __init__(
        self,
        model: LoadedJanus,
        config: EngineConfig,
        counters: Counters,
        *,
        most: int,
        encoding: Encoding,
        make_room: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(model.device, config, counters, most=most, encoding=encoding, make_room=make_room)
        self._model = model
        self._made_with = made_with(model.device, model.dtype, "transformers", cache="exact")

    def add(self, ticket: ImageTicket) -> None:
        """A bad request ends at once, and one that would wait for too long."""
        good = self._checked(ticket, refusal, self._model.facts)
        if good is not None:
            self._take(Picture(good, self._model.facts.rows(good.request.params.guidance), perf_counter()))

    def step(self) -> None:
        """Begin those that get a place, then a token more of each."""
        for picture in self._admit():
            self._timed([picture], partial(self._guarded, picture, self._begin))
        began, batch = perf_counter(), self._places.batch({})
        for picture in batch:
            picture.ticket.stepping()
            self._timed([picture], partial(self._guarded, picture, self._advance))
            if picture in self._places.running and not picture.steps_left:
                self._timed([picture], partial(self._guarded, picture, self._deliver))
        if batch:
            self._counters.steps += 1
            self._forecast.took(len(batch), 0, perf_counter() - began)

    def _guarded(self, picture: Picture, work: Callable[[Picture], None]) -> None:
        """What fails here is this picture's affair alone."""
        try:
            work(picture)
        except Exception as error:
            self._recover(error)
            self._failed(picture, error)

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
        self._tell(picture, drawing)

    def _deliver(self, picture: Picture) -> None:
        drawing = picture.drawing
        assert drawing is not None
        self._hand_over(picture, self._twice(lambda: shown(self._model, drawing)))

    def _tell(self, picture: Picture, drawing: Drawing) -> None:
        ticket, made = picture.ticket, len(drawing.tokens)
        ticket.stepped(made, drawing.steps)
        if not drawing.over:
            self._preview(picture, drawing)
        if drawing.at_quarter and not drawing.over:
            ticket.checkpoint(made, saved(drawing.tokens, fingerprint(ticket.request, self._made_with)))
        if ticket.finished:  # its sink broke
            self._finish(picture, FinishReason.ERROR)

    def _preview(self, picture: Picture, drawing: Drawing) -> None:
        """Nothing where it is too early for one."""
        began = perf_counter()
        if not self._due_for_preview(picture, began):
            return
        seen = self._twice(lambda: shown(self._model, drawing))
        ended = perf_counter()
        picture.next_preview = ended + max(PREVIEW_SECONDS, (ended - began) / PREVIEW_SHARE)
        self._encoding.preview(picture.ticket, partial(to_preview, seen, seen.size))

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
