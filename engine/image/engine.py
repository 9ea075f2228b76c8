"""One loaded image model at work: admit → step a batch → tell → decode what is done."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from time import perf_counter

import torch

from engine.config import EngineConfig
from engine.device import is_out_of_memory
from engine.image.adapters.adapter import AtStrength, PictureAdapter, load_adapter
from engine.image.beginning import BadScheduler, Beginning
from engine.image.checkpoint import fingerprint, saved
from engine.image.checks import refusal
from engine.image.compiling import Compiled, Compiling
from engine.image.encoding import Encoding
from engine.image.loader import LoadedPipeline
from engine.image.orders import PREVIEW_SECONDS, NonFinite, Orders
from engine.image.picture import Picture, work_of
from engine.image.pixels import BadPicture, to_picture
from engine.image.predicting import predict, side_by_side
from engine.lora.shelf import Shelf
from engine.made_with import made_with
from engine.metrics import Counters
from engine.room import Spare, unlimited
from engine.source import ModelSource
from engine.ticket import ImageTicket, Ticket
from engine.types import FinishReason

logger = logging.getLogger(__name__)

SMALLER_SECONDS = 60.0
"""So long batches are smaller after the memory didn't suffice: what took it may be gone then."""


class ImageEngine(Orders[Picture]):
    """Obeys engine.model_engine.ModelEngine."""

    bad_requests = (BadPicture, BadScheduler)
    out_of_memory = "The device has too little memory left for this picture. Try a smaller one, or try again later."
    non_finite = (
        "The model computed no numbers for this picture. Try another seed, less guidance, or another scheduler."
    )

    attention = "sdpa"
    """What diffusers' attention processors call."""

    def __init__(
        self,
        model: LoadedPipeline,
        config: EngineConfig,
        counters: Counters,
        source: ModelSource,
        *,
        encoding: Encoding,
        room: int = 0,
        make_room: Callable[[], object] = lambda: None,
        spare: Spare = unlimited,
    ) -> None:
        """source: of adapters. encoding: writes the files. room: bytes that it may take beside its weights. make_room:
        called when a step finds too little memory. spare: asked before an adapter is read."""
        super().__init__(
            model.device, config, counters, most=config.max_pictures, encoding=encoding, make_room=make_room
        )
        self._model, self._family = model, model.family
        self._beginning = Beginning(model)
        self._compiling = Compiling(model.family, config.compile)
        self._adapters: Shelf[ImageTicket, PictureAdapter] = Shelf(
            partial(load_adapter, family=model.family), model, source, config, counters, spare
        )
        self._short: dict[Hashable, tuple[int, float]] = {}
        """Of buckets for which the memory didn't suffice: the most rows, and since when, of perf_counter()."""
        self._room = room

    @property
    def cache_bytes(self) -> int:
        return self._room + self._adapters.nbytes

    @property
    def busy(self) -> bool:
        return super().busy or bool(len(self._adapters))

    @property
    def adapters(self) -> tuple[str, ...]:
        """Keys of the loaded ones."""
        return self._adapters.loaded

    def add(self, ticket: Ticket) -> None:
        """Take a request; a bad one ends at once, and one that would wait for too long."""
        good = self._checked(ticket, refusal, self._model.facts)
        if good is not None and (good.request.adapter is None or self._adapters.take(good)):
            self._line_up(good)

    def cancel(self, request_id: str) -> None:
        super().cancel(request_id)
        if (ticket := self._adapters.remove(request_id)) is not None:
            ticket.finish(FinishReason.CANCELLED)

    def fail_all(self, code: str, error: str) -> None:
        super().fail_all(code, error)
        for ticket in self._adapters.remove_all():
            ticket.fail(code, error)

    def _line_up(self, ticket: ImageTicket) -> None:
        """Its adapter, where it wants one, is there."""
        rows = self._model.facts.rows(ticket.request.params.guidance)
        self._take(Picture(ticket, rows, perf_counter(), adapter=self._used(ticket)))

    def _used(self, ticket: ImageTicket) -> AtStrength | None:
        """At strength 0 none: such a picture is the base's, to the last bit."""
        adapter, strength = ticket.request.adapter, ticket.request.params.adapter_strength
        return AtStrength(self._adapters[adapter.key], strength) if adapter is not None and strength else None

    # --- steps ----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Begin those that get a place, make one step for as many as can share it, decode those that are done."""
        for ticket in self._adapters.ready():
            self._line_up(ticket)
        for picture in self._admit():
            self._timed([picture], partial(self._begin, picture))
        batch = self._places.batch(self._most_rows())
        if not batch:
            return
        for picture in batch:
            picture.ticket.stepping()
        stepped, seconds = self._timed(batch, lambda: self._compute(batch))
        self._counters.steps += 1
        self._forecast.took(len(batch), 0, seconds)
        for picture, guess in stepped:
            timeline = work_of(picture).timeline
            picture.ticket.stepped(timeline.done, timeline.steps)
            self._guarded(picture, partial(self._tell, picture, guess))
        for picture in [one for one, _ in stepped if one in self._places.running and work_of(one).timeline.over]:
            self._timed([picture], partial(self._guarded, picture, partial(self._deliver, picture)))

    def _most_rows(self) -> dict[Hashable, int]:
        now = perf_counter()
        self._short = {bucket: told for bucket, told in self._short.items() if now - told[1] < SMALLER_SECONDS}
        return {bucket: rows for bucket, (rows, _) in self._short.items()}

    @property
    def _left_out(self) -> float:
        return self._compiling.seconds

    def _guarded(self, picture: Picture, work: Callable[[], None]) -> None:
        """What fails here is this picture's affair alone. Without memory it is tried once more."""
        for attempt in (1, 2):
            try:
                work()
                return
            except Exception as error:
                if attempt == 2 or not is_out_of_memory(error):
                    self._failed(picture, error)
                    return
                self._recover(error)

    def _begin(self, picture: Picture) -> None:
        picture.ticket.started()
        self._guarded(picture, partial(self._begin_guarded, picture))

    def _begin_guarded(self, picture: Picture) -> None:
        picture.ticket.made_with = self._made_with(picture)
        self._beginning.begin(picture)
        picture.saved = perf_counter()

    def _compute(self, batch: list[Picture]) -> list[tuple[Picture, torch.Tensor]]:
        """Each picture that made the step, with how the finished one might look."""
        ready = side_by_side([picture for picture in batch if picture.work is not None])
        if not ready:
            return []
        try:
            predicted = self._predicted(ready)
        except Exception as error:
            if len(ready) == 1 and not is_out_of_memory(error):
                self._failed(ready[0], error)
                return []
            if is_out_of_memory(error):
                rows = sum(picture.rows for picture in ready)
                self._short[ready[0].bucket] = max(2, rows // 2), perf_counter()
            else:
                logger.exception("A step of %d pictures failed; running them one by one", len(ready))
            self._recover(error)
            return self._one_by_one(ready)
        return self._finite([pair for pair in map(self._advance, ready, predicted) if pair is not None])

    def _one_by_one(self, pictures: list[Picture]) -> list[tuple[Picture, torch.Tensor]]:
        self._counters.isolated_steps += 1
        done = []
        for picture in pictures:
            try:
                (predicted,) = self._predicted([picture])
            except Exception as error:
                if is_out_of_memory(error):
                    traceback.clear_frames(error.__traceback__)
                self._failed(picture, error)
            else:
                done.append(self._advance(picture, predicted))
        return self._finite([pair for pair in done if pair is not None])

    def _predicted(self, pictures: list[Picture]) -> list[torch.Tensor]:
        found = predict(self._family, pictures, self._compiling)
        mode = self._compiling.blocks(pictures[0].bucket).mode
        for picture in pictures:
            if picture.ticket.made_with["compile"] == Compiled.mode != mode:  # the compiler failed
                told = f"{Compiled.mode}, then {mode}" if work_of(picture).timeline.done else mode
                picture.ticket.made_with = {**picture.ticket.made_with, "compile": told}
        return found

    def _advance(self, picture: Picture, predicted: torch.Tensor) -> tuple[Picture, torch.Tensor] | None:
        try:
            work = work_of(picture)
            work.latents, guess = work.timeline.advance(predicted, work.latents, work.generator)
            if work.canvas is not None:
                self._beginning.keep(work)
        except Exception as error:
            self._failed(picture, error)
            return None
        return picture, guess

    def _finite(self, stepped: list[tuple[Picture, torch.Tensor]]) -> list[tuple[Picture, torch.Tensor]]:
        """Those that are numbers; the others end. One look at the device for all of them, each waits for it. The step
        can't be made again where that fails, but each can be looked at alone."""
        pictures = [picture for picture, _ in stepped]
        finite: Sequence[bool | None]
        try:
            finite = _are_finite(pictures)
        except Exception as error:
            self._recover(error)
            finite = [self._is_finite(picture) for picture in pictures]
        for picture in [picture for picture, fine in zip(pictures, finite, strict=True) if fine is False]:
            self._failed(picture, NonFinite())
        return [pair for pair, fine in zip(stepped, finite, strict=True) if fine]

    def _is_finite(self, picture: Picture) -> bool | None:
        """None where it can't be told; then it ends here."""
        try:
            return _are_finite([picture])[0]
        except Exception as error:
            self._failed(picture, error)
            return None

    def _recover(self, error: Exception) -> None:
        if is_out_of_memory(error):
            self._beginning.forget()
        super()._recover(error)

    # --- telling --------------------------------------------------------------------------------------------------

    def _tell(self, picture: Picture, guess: torch.Tensor) -> None:
        """What is due after a step beside its number."""
        work, now = work_of(picture), perf_counter()
        if not work.timeline.over and self._due_for_preview(picture, now):
            picture.next_preview = now + PREVIEW_SECONDS
            self._encoding.preview(picture.ticket, self._model.previewer(guess))
        if now - picture.saved >= self._config.checkpoint_seconds and not work.timeline.over:
            picture.saved = now
            data = saved(work, fingerprint(picture.ticket.request, picture.ticket.made_with))
            picture.ticket.checkpoint(work.timeline.done, data)
        if picture.ticket.finished:  # its sink broke
            self._places.remove(picture)

    def _deliver(self, picture: Picture) -> None:
        work = work_of(picture)
        pixels = self._family.decode(work.latents)
        if not bool(torch.isfinite(pixels).all()):
            raise NonFinite
        made = to_picture(pixels)
        if work.canvas is not None:
            made.paste(work.canvas.source, mask=work.canvas.kept)
        self._hand_over(picture, made)

    def _made_with(self, picture: Picture) -> dict[str, str]:
        """Everything but the request that decides how it looks."""
        scheduled = type(self._beginning.scheduler(picture.params.scheduler)).__name__
        return made_with(
            self._model.device, self._model.dtype, self.attention, cache="exact",
            compiled=self._compiling.blocks(picture.bucket).mode,
        ) | {"scheduler": scheduled}  # fmt: skip


def _are_finite(pictures: Sequence[Picture]) -> list[bool]:
    if not pictures:
        return []
    latents = torch.cat([work_of(picture).latents for picture in pictures])
    found: list[bool] = torch.isfinite(latents).flatten(1).all(dim=1).tolist()
    return found
