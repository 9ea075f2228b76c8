"""A training from a folder of pictures to a pipeline's folder, from wherever the last run of it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPTokenizer

from engine.training.autoencoder import standardise
from engine.training.errors import TrainingError
from engine.training.folder import save_pipeline
from engine.training.pictures import Pictures, read_pictures
from engine.training.progress import Progress
from engine.training.recipe import FILE, Recipe
from engine.training.stage import Stage
from engine.training.training import autoencoder_stage, diffusion_stage
from engine.training.words import train_tokenizer


@dataclass(frozen=True, slots=True)
class Run:
    """`resume`: go on with what is in `out`, by its own recipe, but for minutes if new ones are given;
    `export`: write the model as it is by now."""

    pictures: Path
    out: Path
    recipe: Recipe
    resume: bool
    export: bool
    show: list[str]
    checkpoint_every: float  # seconds
    stopping: Callable[[], bool]  # asked after each step
    device: torch.device


def train(run: Run, progress: Progress) -> None:
    """Raises TrainingError, before anything is written where it can."""
    recipe = _recipe(run)
    recipe.check()
    pictures = read_pictures(run.pictures, recipe.size).to(run.device)
    _prepare(run, recipe)
    progress.say(f"{len(pictures)} pictures, {sum(map(len, pictures.captions))} captions, on {run.device}")
    tokenizer = _tokenizer(run, recipe, pictures)
    first = autoencoder_stage(pictures, recipe)
    _learn(first, run, progress)
    standardise(first.average, pictures.scaled(torch.arange(len(pictures))))
    second = diffusion_stage(pictures, recipe, first.average, tokenizer, run.show)
    _learn(second, run, progress)
    save_pipeline(second.average, first.average, tokenizer, run.out / "model")
    progress.say(f"The model is in {run.out / 'model'}")


def _tokenizer(run: Run, recipe: Recipe, pictures: Pictures) -> CLIPTokenizer:
    """The one this training began with: what was learnt hangs on its numbers, even where captions changed since."""
    folder = run.out / "tokenizer"
    if folder.exists():
        return CLIPTokenizer.from_pretrained(folder)
    captions = [caption for each in pictures.captions for caption in each]
    tokenizer = train_tokenizer(captions, vocabulary=recipe.vocabulary, words=recipe.words)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _learn(stage: Stage[Any], run: Run, progress: Progress) -> None:
    stage.load(run.out)
    if not run.export:
        stage.run(run.out, progress, every_seconds=run.checkpoint_every, stopping=run.stopping)
    elif stage.step == 0:
        raise TrainingError(f"There is no checkpoint of the {stage.name} in {run.out} yet.")


def _recipe(run: Run) -> Recipe:
    there = (run.out / FILE).exists()
    if there and not (run.resume or run.export):
        raise TrainingError(f"There is a training in {run.out} already: go on with --resume, or choose another folder.")
    if not (run.resume or run.export):
        return run.recipe
    begun = Recipe.load(run.out)
    # The autoencoder keeps its own: what the second stage learnt hangs on its latents.
    return replace(begun, minutes=run.recipe.minutes) if run.recipe.minutes else begun


def _prepare(run: Run, recipe: Recipe) -> None:
    try:
        (run.out / "samples").mkdir(parents=True, exist_ok=True)
        recipe.save(run.out)
    except OSError as error:
        raise TrainingError(f"{run.out} can't be written to: {error.strerror}.") from error
