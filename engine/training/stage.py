"""One stage of a training: steps with checkpoints and a moving average of the weights."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.errors import NoNumber, Stopped
from engine.training.length import Length
from engine.training.progress import Progress

LARGEST_GRADIENT = 1.0  # its norm is cut down to this
LONGEST_AVERAGE = 0.999  # decay of the moving average, once there are steps enough
COOLING = 0.2  # of a stage, at its end, in which the learning rate goes down
LEAST = 0.02  # of it, at the very end
STATE = "state"  # the folder of checkpoints, in that of the training
MEAN_OF = 10  # steps, in one point of the plot: a card is asked for their losses only then, and never waits for more


Model = TypeVar("Model", bound=nn.Module)


@dataclass(slots=True)
class Stage(Generic[Model]):
    """`loss(model, generator)` of one batch: all chance comes from the generator, seeded by the step, so that a
    training that was interrupted goes on exactly as it would have."""

    name: str
    model: Model
    length: Length
    rate: float
    seed: int
    loss: Callable[[Model, torch.Generator], torch.Tensor]
    draw: Callable[[Model, Path], None]  # a grid of what the average can do by now
    batch: int
    average: Model = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    step: int = field(init=False, default=0)
    spent: float = field(init=False, default=0)  # seconds, in all runs
    _learning: list[nn.Parameter] = field(init=False)
    _averaged: list[torch.Tensor] = field(init=False)
    _generator: torch.Generator = field(init=False)
    _losses: list[torch.Tensor] = field(init=False, default_factory=list)  # still on the device, at most MEAN_OF

    def __post_init__(self) -> None:
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self._learning, self._averaged = list(self.model.parameters()), list(self.average.parameters())
        device = self._learning[0].device
        self._generator = torch.Generator(device)
        on_card = device.type == "cuda"
        self.optimizer = torch.optim.AdamW(
            self._learning, lr=self.rate, betas=(0.9, 0.99), weight_decay=0.01, foreach=not on_card, fused=on_card
        )

    @property
    def done(self) -> float:
        """The share that is behind it, 0 … 1."""
        return self.length.done(self.step, self.spent)

    def load(self, out: Path) -> None:
        """What the last checkpoint in `out` holds, if there is one. Raises TrainingError."""
        self.step, self.spent = load_checkpoint(self._folder(out), self.model, self.average, self.optimizer)

    def run(self, out: Path, progress: Progress, *, every_seconds: float, stopping: Callable[[], bool]) -> None:
        """From where it is to its end. Raises Stopped, with a checkpoint written, or NoNumber."""
        if self.done >= 1:
            return
        self.model.train()
        progress.begin(self.name, self.step, self.done, self.batch, self.length.words(self.batch))
        saved, before = time.monotonic(), time.monotonic() - self.spent
        while self.done < 1:
            self._one_step()
            if self.step % MEAN_OF == 0:
                progress.loss(self.step, self.done, self._mean_loss())
            stop, self.spent = stopping(), time.monotonic() - before
            if stop or time.monotonic() - saved > every_seconds or self.done >= 1:
                self._save(out, progress)
                if stop:
                    raise Stopped(f"Stopped at step {self.step} of {self.name}. Go on from there with --resume.")
                self.draw(self.average, out / "samples" / f"{self.name}-{self.step:06d}.png")
                saved = time.monotonic()

    def _save(self, out: Path, progress: Progress) -> None:
        if self._losses:
            self._mean_loss()  # a checkpoint that is no longer numbers would replace one that is
        folder, models = self._folder(out), (self.model, self.average, self.optimizer)
        save_checkpoint(folder, *models, step=self.step, spent=self.spent)
        progress.saved(self.step)

    def _folder(self, out: Path) -> Path:
        return out / STATE / self.name

    def _one_step(self) -> None:
        self._generator.manual_seed(self.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * self._share_of_rate()
        loss = self.loss(self.model, self._generator)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._learning, LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self._follow()
        self._losses.append(loss.detach())

    def _mean_loss(self) -> float:
        """Of the steps since it was last asked for. Raises NoNumber if one of them is none."""
        mean = torch.stack(self._losses).mean().item()
        self._losses.clear()
        if not math.isfinite(mean):
            raise NoNumber(f"The loss is no longer a number at step {self.step} of {self.name}.")
        return mean

    def _share_of_rate(self) -> float:
        """Up in the first steps, level, then down to nearly nothing over the last fifth."""
        return min(1.0, (self.step + 1) / self.length.warm_up, max((1 - self.done) / COOLING, LEAST))

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(LONGEST_AVERAGE, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self._averaged, [parameter.detach() for parameter in self._learning], 1 - decay)
