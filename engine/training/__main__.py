"""`python -m engine.training PICTURES --out FOLDER`: trains in this process and says how it goes, a line at a time."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import torch

from engine.training.errors import Stopped, TrainingError
from engine.training.process import STOPPED
from engine.training.progress import Progress
from engine.training.recipe import Recipe
from engine.training.run import Run, train

SETTABLE = ("size", "passes", "batch", "rate", "autoencoder_steps", "seed")


def main() -> int:
    options = _parser().parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    changed = {name: getattr(options, name) for name in SETTABLE if getattr(options, name) is not None}
    run = Run(
        options.pictures, options.out, replace(Recipe(), **changed), options.resume, options.export, options.show,
        options.checkpoint_every, _told_to_stop(),
    )  # fmt: skip
    try:
        train(run, Progress(options.out, _say))
    except Stopped as stopped:
        sys.stderr.write(f"{stopped}\n")
        return STOPPED
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _told_to_stop() -> Callable[[], bool]:
    """Ctrl-C and SIGTERM end it after the step it is in; a second one at once."""
    told: list[int] = []

    def note(number: int, _: object) -> None:
        told.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return lambda: bool(told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("pictures", type=Path, help="name.png beside name.txt, or named by its words")
    parser.add_argument("--out", type=Path, required=True, help="for checkpoints, samples, losses and the model")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    parser.add_argument("--export", action="store_true", help="train no further: write the model from the checkpoint")
    parser.add_argument("--show", action="append", default=[], help="a prompt for the grids of samples (repeatable)")
    parser.add_argument("--checkpoint-every", type=float, default=300, help="seconds")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0: as many as it has")
    for field in fields(Recipe):
        if field.name in SETTABLE:
            kind = float if field.name == "rate" else int
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=None, help=f"{field.default}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
