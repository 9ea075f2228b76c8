"""One picture of a pipeline that is called as a whole: handed over after the prompt was read, and after every step.

All pipelines ask their scheduler for the timesteps once the prompt was read, and call its `step` once for each of them.
So that is where the call waits, whatever else a pipeline offers to be watched by.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import torch
from PIL import ImageOps
from PIL.Image import Image

from engine.config import EngineConfig
from engine.image.compatible.by_turns import ByTurns
from engine.image.compatible.latents import unfolded
from engine.image.compatible.loader import WholePipeline
from engine.image.orders import NonFinite
from engine.image.pixels import as_picture, read_picture
from engine.image.schedulers import left_out
from engine.image.timeline import guessed
from engine.pipelines import pixels_per_latent
from engine.types import ImageRequest


class Drawing:
    """`advance` it until it is over; `end` it otherwise."""

    def __init__(self, model: WholePipeline, request: ImageRequest, config: EngineConfig) -> None:
        self._model, self._request, self._params = model, request, request.params
        self._turns = ByTurns(self._call, config)
        self.is_read = False
        """Whether the prompt was read."""
        self.done = 0
        self.steps = request.params.steps
        """All there will be: exact once the prompt was read."""
        self.guess: torch.Tensor | None = None
        """How the finished latents might look by now, (1, channels, height, width)."""
        self.prompt_tokens = 0
        """Once it was begun."""
        self._kept: tuple[Image, Image] | None = None
        """Of one with a mask: its source, and white where that stays."""

    @property
    def over(self) -> bool:
        """Whether it is finished."""
        return self._turns.result is not None

    def picture(self) -> Image:
        """The finished one."""
        made = as_picture(self._turns.result)
        if self._kept is not None:
            source, where = self._kept
            made.paste(source, mask=where)
        return made

    def advance(self) -> None:
        """Read the prompt, make a step, or decode. Raises NonFinite, and whatever the pipeline raises."""
        self._turns.advance()

    def end(self) -> None:
        self._turns.end()

    def _call(self, pause: Callable[[], None]) -> torch.Tensor:
        params, kind, counted = self._params, self._model.kind, self._model.parts["tokenizer"](self._params.prompt)
        self.prompt_tokens = min(len(counted.input_ids), self._model.facts.prompt_tokens)
        name, given = self._begun_with()
        pipeline = self._model.pipeline(name, self._watched(pause))
        pipeline.set_progress_bar_config(disable=True)
        negative = {"negative_prompt": params.negative_prompt} if kind.takes_negative else {}
        guidance = {kind.guidance_name: max(params.guidance - (1 - kind.guidance_off), 0.0)}
        made = pipeline(
            prompt=params.prompt, num_inference_steps=params.steps, width=params.width, height=params.height,
            generator=torch.Generator().manual_seed(params.seed), output_type="pt",
            **negative, **guidance, **given, **kind.told, **kind.told_by_steps(params.steps),
        )  # fmt: skip
        pixels: torch.Tensor = made.images.float()
        if not bool(torch.isfinite(pixels).all()):
            raise NonFinite
        return pixels

    def _begun_with(self) -> tuple[str, dict[str, Any]]:
        """The class to draw with, and the pictures that it is given. Raises BadPicture."""
        request, kind, size = self._request, self._model.kind, (self._params.width, self._params.height)
        if request.source is None:
            return kind.pipeline, {}
        source = read_picture(request.source, size, "RGB")
        given = {"image": source, "strength": self._params.strength}
        if request.mask is None:
            return kind.from_picture, given
        mask = read_picture(request.mask, size, "L")
        self._kept = source, ImageOps.invert(mask)
        return kind.from_mask, {**given, "mask_image": mask}

    def _skipped(self, steps: int) -> int:
        """How many are left out where it begins with a picture, as all of these pipelines count them."""
        return 0 if self._request.source is None else left_out(steps, self._params.strength, self._model.facts.family)

    def _watched(self, pause: Callable[[], None]) -> Any:
        """A scheduler of its own, that waits."""
        model, params = self._model, self._params
        scale = pixels_per_latent(model.parts["vae"].config)
        scheduler = copy.deepcopy(self._model.parts["scheduler"])
        begin, step = scheduler.set_timesteps, scheduler.step

        @functools.wraps(begin)  # pipelines look at what it takes
        def set_timesteps(*args: Any, **more: Any) -> None:
            begin(*args, **more)
            steps = len(scheduler.timesteps) - model.kind.spare_timesteps
            self.steps, self.is_read = steps - self._skipped(steps), True
            pause()

        @functools.wraps(step)
        def watched_step(predicted: torch.Tensor, timestep: Any, latents: torch.Tensor, *args: Any, **more: Any) -> Any:
            guess = guessed(scheduler, predicted, timestep, latents)
            self.guess = unfolded(model.parts["vae"], guess, params.width // scale, params.height // scale)
            made = step(predicted, timestep, latents, *args, **more)
            if not bool(torch.isfinite(made[0]).all()):
                raise NonFinite
            self.done += 1
            pause()
            return made

        scheduler.set_timesteps, scheduler.step = set_timesteps, watched_step
        return scheduler
