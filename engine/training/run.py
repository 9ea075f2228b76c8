"""A training from a folder of pictures to a pipeline's folder, from wherever the last run of it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPTokenizer

from engine.training.autoencoder import standardise
from engine.training.errors import NoNumber, TrainingError
from engine.training.folder import save_pipeline
from engine.training.pictures import Pictures, read_pictures
from engine.training.progress import Progress
from engine.training.recipe import FILE, Recipe
from engine.training.stage import STATE, Stage
from engine.training.training import SECOND, autoencoder_stage, diffusion_stage
from engine.training.words import train_tokenizer


@dataclass(frozen=True, slots=True)
class Run:
    """`recipe`: where a training begins, but for the numbers that were `asked` for, named as its fields;
    `resume`: go on with what is in `out`, by its own recipe, but for those of them that may change;
    `export`: write the model as it is by now."""

    pictures: Path
    out: Path
    recipe: Recipe
    asked: Mapping[str, float]
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
    _learn(first, run, recipe, progress)
    standardise(first.average, pictures.scaled(torch.arange(len(pictures))))
    second = diffusion_stage(pictures, recipe, first.average, tokenizer, run.show)
    _learn(second, run, recipe, progress)
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


def _learn(stage: Stage[Any], run: Run, recipe: Recipe, progress: Progress) -> None:
    stage.load(run.out)
    if run.export:
        if stage.step == 0:
            raise TrainingError(f"There is no checkpoint of the {stage.name} in {run.out} yet.")
        return
    if stage.done >= 1 and stage.name == SECOND:
        progress.say(f"{SECOND}: ended at step {stage.step} already. More --passes, or --minutes, go on with it.")
    try:
        stage.run(run.out, progress, every_seconds=run.checkpoint_every, stopping=run.stopping)
    except NoNumber as fault:
        replace(recipe, faults=recipe.faults + 1).save(run.out)
        option = "--rate" if stage.name == SECOND else "--autoencoder-rate"
        raise TrainingError(
            f"{fault} Go on with --resume, from the last checkpoint and with other pictures and noise in each step; "
            f"if it comes again, with a smaller learning rate, as {option} {stage.rate / 2:g}."
        ) from fault


def _recipe(run: Run) -> Recipe:
    there = (run.out / FILE).exists()
    if there and not (run.resume or run.export):
        raise TrainingError(f"There is a training in {run.out} already: go on with --resume, or choose another folder.")
    if not (run.resume or run.export):
        return run.recipe.beginning(run.asked)
    begun = Recipe.load(run.out)
    if run.export:
        begun.refuse(run.asked, "--export writes the model as it is")
        return begun
    return begun.going_on(run.asked, second_stage=(run.out / STATE / SECOND).exists())


def _prepare(run: Run, recipe: Recipe) -> None:
    try:
        (run.out / "samples").mkdir(parents=True, exist_ok=True)
        recipe.save(run.out)
    except OSError as error:
        raise TrainingError(f"{run.out} can't be written to: {error.strerror}.") from error
