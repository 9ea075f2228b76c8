"""`python -m engine.training PICTURES --out FOLDER`: trains in this process and says how it goes, a line at a time."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from engine.training.errors import Stopped, TrainingError
from engine.training.listing import picture_files
from engine.training.process import STOPPED
from engine.training.progress import Progress
from engine.training.recipe import ON_A_CARD, Recipe

SETTABLE = ("size", "passes", "batch", "rate", "autoencoder_steps", "autoencoder_rate", "seed")


def main() -> int:
    options = _parser().parse_args()
    try:
        picture_files(options.pictures)
        _train(options)
    except Stopped as stopped:
        sys.stderr.write(f"{stopped}\n")
        return STOPPED
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _train(options: argparse.Namespace) -> None:
    """Torch is loaded here: that takes seconds, which a wrong folder isn't worth."""
    import torch

    from engine.training.hardware import prepare_device

    if options.threads:
        torch.set_num_threads(options.threads)
    device = prepare_device(options.device)
    from engine.training.run import Run, train  # what training needs besides takes as long again

    recipe = Recipe() if device.type == "cpu" else ON_A_CARD
    run = Run(
        options.pictures, options.out, recipe, _asked(options), options.resume, options.export, options.show,
        options.checkpoint_every, _told_to_stop(), device,
    )  # fmt: skip
    train(run, Progress(options.out, _say))


def _asked(options: argparse.Namespace) -> dict[str, float]:
    """The recipe's numbers that were given."""
    return {name: getattr(options, name) for name in (*SETTABLE, "minutes") if getattr(options, name) is not None}


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
    parser.add_argument("--minutes", type=float, help="so long in all, however many steps and passes that makes")
    parser.add_argument("--device", default="auto", help="cpu, cuda; auto: the graphics card if there is one")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0: as many as it has")
    for field in fields(Recipe):
        if field.name in SETTABLE:
            kind = float if "rate" in field.name else int
            text = f"{field.default}; {getattr(ON_A_CARD, field.name)} on a graphics card"
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=None, help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
