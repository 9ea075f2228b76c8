"""One loaded Janus at work: texts by the text engine, pictures beside it, in turns by measured time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from engine.config import EngineConfig
from engine.image.encoding import Encoding
from engine.image.pixels import BadPicture, open_picture
from engine.janus.footprint import Needs
from engine.janus.model import LoadedJanus
from engine.janus.pictures import Pictures
from engine.janus.prompts import BadPrompt, with_places
from engine.janus.runner import JanusRunner
from engine.metrics import Counters
from engine.source import ModelSource
from engine.text.engine import TextEngine
from engine.ticket import ImageTicket, TextTicket, Ticket
from engine.turns import Turns

TEXTS, PICTURES = "texts", "pictures"


class JanusEngine:
    """Obeys engine.model_engine.ModelEngine. Call from the engine thread only, in inference mode."""

    adapters: tuple[str, ...] = ()

    def __init__(
        self,
        model: LoadedJanus,
        config: EngineConfig,
        counters: Counters,
        source: ModelSource,
        *,
        needs: Needs,
        encoding: Encoding,
        room: int,
        make_room: Callable[[], object] = lambda: None,
    ) -> None:
        """encoding: writes the files of pictures. room: bytes that it may take beside its weights. make_room: called
        when a step finds too little memory."""
        self._model = model
        for_texts, at_once = needs.shared(room)
        self._texts = TextEngine(
            model.text, config, counters, source, room=for_texts, make_room=make_room,
            make_runner=lambda _model, _config, blocks: JanusRunner(model, blocks),
        )  # fmt: skip
        self._pictures = Pictures(model, config, counters, most=at_once, encoding=encoding, make_room=make_room)
        self._turns = Turns()
        self.attention = self._texts.attention
        self.cache_bytes = self._texts.cache_bytes + at_once * needs.picture + needs.decoding

    @property
    def busy(self) -> bool:
        return bool(self._busy())

    @property
    def running(self) -> int:
        return self._texts.running + self._pictures.running

    @property
    def waiting(self) -> int:
        return self._texts.waiting + self._pictures.waiting

    def rest(self) -> bool:
        return self._texts.rest()

    def predicted_wait(self) -> float | None:
        """The longer one of both."""
        known = [wait for wait in (self._texts.predicted_wait(), self._pictures.predicted_wait()) if wait is not None]
        return max(known, default=None)

    def add(self, ticket: Ticket) -> None:
        if isinstance(ticket, ImageTicket):
            self._pictures.add(ticket)
            return
        assert isinstance(ticket, TextTicket)
        try:
            self._place(ticket)
        except (BadPrompt, BadPicture) as error:
            ticket.fail("bad_request", str(error))
        else:
            self._texts.add(ticket)

    def cancel(self, request_id: str) -> None:
        self._texts.cancel(request_id)
        self._pictures.cancel(request_id)

    def fail_all(self, code: str, error: str) -> None:
        self._texts.fail_all(code, error)
        self._pictures.fail_all(code, error)

    def step(self) -> None:
        """A step of the texts or of the pictures: whichever had less time so far."""
        turn = self._turns.next(self._busy())
        if turn is None:
            return
        began = perf_counter()
        (self._texts if turn == TEXTS else self._pictures).step()
        self._turns.took(turn, perf_counter() - began)

    def _busy(self) -> list[str]:
        return [TEXTS] * self._texts.busy + [PICTURES] * self._pictures.busy

    def _place(self, ticket: TextTicket) -> None:
        """Make room for its pictures between its tokens. Raises BadPrompt, BadPicture."""
        request, model = ticket.request, self._model
        prompt = with_places(request.prompt_ids, len(request.images), model.marks, model.facts.steps)
        if len(prompt) < model.text.context_length:  # else it is refused for its length
            for data in request.images:
                open_picture(data, "RGB")
        ticket.request = replace(request, prompt_ids=prompt)
        ticket.prompt_tokens = len(prompt)
