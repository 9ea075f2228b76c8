"""One stage of a training: steps with checkpoints and a moving average of the weights."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.errors import Stopped, TrainingError
from engine.training.progress import Progress

WARM_UP = 100  # steps until the full learning rate, or a tenth of all
LARGEST_GRADIENT = 1.0  # its norm is cut down to this
LONGEST_AVERAGE = 0.999  # decay of the moving average, once there are steps enough


Model = TypeVar("Model", bound=nn.Module)


@dataclass(slots=True)
class Stage(Generic[Model]):
    """`loss(model, generator)` of one batch: all chance comes from the generator, seeded by the step, so that a
    training that was interrupted goes on exactly as it would have."""

    name: str
    model: Model
    steps: int
    rate: float
    seed: int
    loss: Callable[[Model, torch.Generator], torch.Tensor]
    draw: Callable[[Model, Path], None]  # a grid of what the average can do by now
    batch: int
    average: Model = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    step: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=self.rate, betas=(0.9, 0.99), weight_decay=0.01, foreach=True)

    def load(self, out: Path) -> None:
        """What the last checkpoint in `out` holds, if there is one. Raises TrainingError."""
        self.step = load_checkpoint(self._folder(out), self.model, self.average, self.optimizer)

    def run(self, out: Path, progress: Progress, *, every_seconds: float, stopping: Callable[[], bool]) -> None:
        """From where it is to its end. Raises Stopped, with a checkpoint written, or TrainingError."""
        if self.step >= self.steps:
            return
        self.model.train()
        progress.begin(self.name, self.step, self.steps, self.batch)
        saved = time.monotonic()
        while self.step < self.steps:
            progress.loss(self.step, self._one_step())
            stop = stopping()
            if stop or time.monotonic() - saved > every_seconds or self.step == self.steps:
                save_checkpoint(self._folder(out), self.model, self.average, self.optimizer, self.step)
                progress.saved(self.step)
                if stop:
                    raise Stopped(f"Stopped at step {self.step} of {self.name}. Go on from there with --resume.")
                self.draw(self.average, out / "samples" / f"{self.name}-{self.step:06d}.png")
                saved = time.monotonic()

    def _folder(self, out: Path) -> Path:
        return out / "state" / self.name

    def _one_step(self) -> float:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * self._share_of_rate()
        loss = self.loss(self.model, generator)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss is no longer a number at step {self.step}. Go on with --resume from the last checkpoint, "
                "with a smaller learning rate."
            )
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self._follow()
        return loss.item()

    def _share_of_rate(self) -> float:
        """Up in the first steps, level, then down to a tenth over the last fifth."""
        left = (self.steps - self.step) / max(self.steps / 5, 1)
        return min(1.0, (self.step + 1) / max(min(WARM_UP, self.steps / 10), 1), max(left, 0.1))

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(LONGEST_AVERAGE, (1 + self.step) / (10 + self.step))
        now = [parameter.detach() for parameter in self.model.parameters()]
        torch._foreach_lerp_(list(self.average.parameters()), now, 1 - decay)
