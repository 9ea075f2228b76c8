"""What happens before a picture's first step: its prompt is read, noise is drawn, its source is taken in."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from PIL import ImageOps

from engine.image.adapters.adapter import AtStrength
from engine.image.adapters.applying import reading
from engine.image.checkpoint import BadCheckpoint, fingerprint, resume
from engine.image.families import Condition
from engine.image.loader import LoadedPipeline
from engine.image.picture import Canvas, Picture, Work
from engine.image.pixels import mask_tensor, read_picture, to_tensor
from engine.image.schedulers import DEFAULT, SCHEDULERS, left_out
from engine.image.timeline import Timeline

logger = logging.getLogger(__name__)

REMEMBERED_PROMPTS = 32
"""Read once: the empty one goes with nearly every picture, and a batch of pictures has one prompt."""


@dataclass(frozen=True, slots=True)
class _Prompt:
    condition: Condition
    tokens: int


class BadScheduler(ValueError):
    """It doesn't go with this model, or not with so few steps; the message is a whole sentence."""


class Beginning:
    def __init__(self, model: LoadedPipeline) -> None:
        self._model, self._family = model, model.family
        self._prompts: OrderedDict[tuple[str, bool, str, float], _Prompt] = OrderedDict()
        self._schedulers: dict[str, Any] = {DEFAULT: self._family.pipeline.scheduler}

    def begin(self, picture: Picture) -> None:
        """Gives it its `work`: from its checkpoint, where that is good. Raises BadPicture and BadScheduler."""
        request = picture.ticket.request
        work = self._from_the_start(picture)
        if request.checkpoint is not None:
            try:
                resume(work, request.checkpoint, fingerprint(request, picture.ticket.made_with))
            except BadCheckpoint as error:
                logger.warning("Request %s begins anew: of its checkpoint, %s", request.id, error)
        picture.work = work

    def forget(self) -> None:
        """The prompts that it remembers: those of large encoders take some MiB each."""
        self._prompts.clear()

    def keep(self, work: Work) -> None:
        """After a step of a masked picture: outside the mask, the source as noisy as the rest is now."""
        canvas, timeline = work.canvas, work.timeline
        assert canvas is not None
        kept = canvas.clean
        if not timeline.over:
            kept = self._family.noised(timeline.scheduler, kept, canvas.noise, timeline.timestep.reshape(1))
        work.latents = (1 - canvas.drawn) * kept + canvas.drawn * work.latents

    def scheduler(self, name: str) -> Any:
        """The pristine one, made of the model's own config. Raises BadScheduler."""
        if name not in self._schedulers:
            choice = SCHEDULERS[name]
            own = dict(self._family.pipeline.scheduler.config)
            kind = getattr(diffusers, choice.scheduler)
            with _refusals_told(f"The scheduler “{name}” doesn't go with this model: choose another one."):
                self._schedulers[name] = kind.from_config(own, **choice.changes)
        return self._schedulers[name]

    def _from_the_start(self, picture: Picture) -> Work:
        params, request, family = picture.params, picture.ticket.request, self._family
        conditions = self._conditions(picture)
        scheduler, steps = self.scheduler(params.scheduler), params.steps
        with _refusals_told(
            f"The scheduler “{params.scheduler}” of this model can't draw in {steps} steps: take more."
        ):
            timeline = Timeline(scheduler, family, steps, params.width, params.height)
        generator = torch.Generator().manual_seed(params.seed)
        shape = family.latent_shape(params.width, params.height)
        if request.source is None:
            timeline.start_late(0)
            noise = torch.randn(shape, generator=generator).to(family.device)
            return Work(timeline, noise * timeline.noise_scale, generator, conditions)
        timeline.start_late(left_out(params.steps, params.strength, self._model.facts.family))
        size = (params.width, params.height)
        source = read_picture(request.source, size, "RGB")
        mask = None if request.mask is None else read_picture(request.mask, size, "L")
        clean = family.encode_picture(to_tensor(source), generator)
        noise = torch.randn(shape, generator=generator).to(family.device)
        if params.strength == 1 and mask is not None:
            latents = noise * timeline.noise_scale  # as in diffusers: nothing shines through where all is drawn anew
        else:
            latents = family.noised(timeline.scheduler, clean, noise, timeline.timestep.reshape(1))
        canvas = None
        if mask is not None:
            drawn = mask_tensor(mask, *shape[-2:]).to(family.device)
            canvas = Canvas(source, ImageOps.invert(mask), clean, noise, drawn)
        return Work(timeline, latents, generator, conditions, canvas)

    def _conditions(self, picture: Picture) -> list[Condition]:
        params = picture.params
        prompt = self._read(params.prompt, picture.adapter, empty=False)
        picture.ticket.prompt_tokens = prompt.tokens
        told = [prompt.condition]
        if picture.rows == 2:
            without = self._read(params.negative_prompt, picture.adapter, empty=not params.negative_prompt)
            told = [without.condition, *told]
        return [self._family.finished(one, params.width, params.height, params.guidance) for one in told]

    def _read(self, prompt: str, used: AtStrength | None, *, empty: bool) -> _Prompt:
        reader = used if used is not None and used.adapter.readers else None
        whose = ("", 0.0) if reader is None else (reader.adapter.digest, reader.strength)
        key = (prompt, empty, *whose)
        if key not in self._prompts:
            counted = len(self._family.pipeline.tokenizer(prompt).input_ids)
            tokens = min(counted, self._model.facts.prompt_tokens)
            with reading(reader):
                self._prompts[key] = _Prompt(self._family.encode(prompt, empty=empty), tokens)
            while len(self._prompts) > REMEMBERED_PROMPTS:
                self._prompts.popitem(last=False)
        self._prompts.move_to_end(key)
        return self._prompts[key]


@contextmanager
def _refusals_told(sentence: str) -> Iterator[None]:
    """What a scheduler of diffusers says that it can't do becomes BadScheduler."""
    try:
        yield
    except (ValueError, NotImplementedError, ImportError) as error:
        raise BadScheduler(sentence) from error
