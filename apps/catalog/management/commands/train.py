"""`manage.py train image FOLDER --out OUT`: a small image model from a team's own pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.training.errors import TrainingError
from engine.training.process import train_in_child

NUMBERS = {
    "size": "pixels on a side, a multiple of 16 (default 64)",
    "passes": "over all pictures (default 150; 2000 on a graphics card)",
    "batch": "pictures in one step (default 32; 256 on a graphics card)",
    "autoencoder_steps": "of the first stage (default 1500; 5000 on a graphics card)",
    "seed": "of all chance (default 0)",
    "checkpoint_every": "seconds between checkpoints, each with a grid of samples (default 300)",
    "threads": "of the processor (default: as many as it has)",
}
RATES = {
    "rate": "learning rate of the second stage (default 0.0006; 0.001 on a graphics card)",
    "autoencoder_rate": "learning rate of the first stage (default 0.002)",
}


class Command(BaseCommand):
    help = "Train a small text-to-image model on a folder of pictures with captions, on this machine."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        image = commands.add_parser("image", help="a latent diffusion model that the catalogue can install")
        image.add_argument("folder", type=Path, help="name.png beside name.txt, or named by its words")
        image.add_argument("--out", type=Path, required=True, help="for checkpoints, losses, samples and the model")
        image.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
        image.add_argument("--export", action="store_true", help="write the model from the checkpoint as it is")
        image.add_argument("--show", action="append", default=[], metavar="PROMPT", help="draw it in every grid")
        for name, text in NUMBERS.items():
            image.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=text)
        image.add_argument("--minutes", type=float, help="so long in all, however many steps and passes that makes")
        image.add_argument("--device", help="cpu, cuda (default: the graphics card if there is one)")
        for name, text in RATES.items():
            image.add_argument(f"--{name.replace('_', '-')}", type=float, help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            train_in_child(options["folder"], options["out"], _passed_on(options), self.stdout.write)
        except TrainingError as error:
            raise CommandError(str(error)) from error


def _passed_on(options: dict[str, Any]) -> list[str]:
    words = [f"--{name}" for name in ("resume", "export") if options[name]]
    given = [name for name in (*NUMBERS, *RATES, "minutes", "device") if options[name] is not None]
    words += [f"--{name.replace('_', '-')}={options[name]}" for name in given]
    return words + [f"--show={prompt}" for prompt in options["show"]]
