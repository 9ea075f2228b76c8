"""The way of one picture from noise to the end: a scheduler of its own, and how far it has come.

diffusers' schedulers remember what they did, so every picture has a copy.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from engine.image.families import Family


class Timeline:
    def __init__(self, scheduler: Any, family: Family, steps: int, width: int, height: int) -> None:
        """scheduler: untouched; it is copied."""
        self.scheduler = copy.deepcopy(scheduler)
        family.set_timesteps(self.scheduler, steps, width, height)
        self.timesteps: torch.Tensor = self.scheduler.timesteps
        self.done = 0
        """Steps made; the next is that of `timestep`."""
        self._began_with = dict(vars(self.scheduler))
        self._draws = "generator" in inspect.signature(self.scheduler.step).parameters

    @property
    def steps(self) -> int:
        """All there will be. Some schedulers evaluate the network more than once for a step that was asked for."""
        return len(self.timesteps)

    @property
    def over(self) -> bool:
        return self.done >= self.steps

    @property
    def timestep(self) -> torch.Tensor:
        """A scalar, on the CPU."""
        return self.timesteps[self.done]

    @property
    def noise_scale(self) -> float:
        """What noise is multiplied with where it all begins."""
        return float(getattr(self.scheduler, "init_noise_sigma", 1.0))

    def start_late(self, skipped: int) -> None:
        """Leave out so many of the steps that were asked for, but not all."""
        order = getattr(self.scheduler, "order", 1)
        begin = min(skipped * order, self.steps - 1)
        self.timesteps = self.timesteps[begin:]
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(begin)

    def scaled(self, latents: torch.Tensor) -> torch.Tensor:
        """As the network wants them."""
        if not hasattr(self.scheduler, "scale_model_input"):
            return latents
        found: torch.Tensor = self.scheduler.scale_model_input(latents, self.timestep)
        return found

    def advance(
        self, predicted: torch.Tensor, latents: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The next latents, and what the finished ones would be as far as one can tell by now."""
        more = {"generator": generator} if self._draws else {}
        timestep = self.timestep
        made = self.scheduler.step(predicted, timestep, latents, **more)
        self.done += 1
        guess = getattr(made, "pred_original_sample", None)
        return made.prev_sample, guessed(self.scheduler, predicted, timestep, latents) if guess is None else guess

    def memory(self) -> Iterator[tuple[str, Any]]:
        """What the scheduler has remembered of its steps, by its attributes' names. Tables that were computed from the
        config are left out: no step changes them, but adding noise moves some to the device."""
        for name, value in vars(self.scheduler).items():
            table = isinstance(self._began_with.get(name), torch.Tensor)
            if not table and isinstance(value, (type(None), bool, int, float, str, list, np.generic, torch.Tensor)):
                yield name, value

    def may_remember(self, name: str) -> bool:
        """Whether a step may set this attribute: neither a table nor part of the scheduler's class."""
        known = {name for name, _ in self.memory()}
        return name in known or not (name in vars(self.scheduler) or hasattr(type(self.scheduler), name))

    def remember(self, memory: Mapping[str, Any], done: int) -> None:
        """Go on after so many steps. memory: of a timeline like this one."""
        vars(self.scheduler).update(memory)
        self.done = done


def guessed(scheduler: Any, predicted: torch.Tensor, timestep: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """What the finished latents would be as far as one can tell by now; for a preview only. alphas_cumprod: of noise
    (1) and its square root's complement, as DDIM has it."""
    config, time = scheduler.config, float(timestep)
    if hasattr(scheduler, "scale_noise") or config.prediction_type == "flow_prediction":
        moved: torch.Tensor = latents - time / float(config.num_train_timesteps) * predicted
        return moved
    if config.prediction_type == "trigflow":
        return (math.cos(time) * latents - math.sin(time) * predicted) / float(config.sigma_data)
    at = min(int(time), config.num_train_timesteps - 1)
    kept: torch.Tensor = scheduler.alphas_cumprod[at].to(latents.device)
    if config.prediction_type == "v_prediction":
        return kept.sqrt() * latents - (1 - kept).sqrt() * predicted
    if config.prediction_type == "sample":
        return predicted
    return (latents - (1 - kept).sqrt() * predicted) / kept.sqrt()
