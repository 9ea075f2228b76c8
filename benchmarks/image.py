"""W4: pictures with mixed steps, sizes, guidance and seeds; the engine against plain diffusers pipelines.

    python -m benchmarks.image [FOLDER | --shape xl] [--pictures 16] [--rounds 3] [--sizes 64 48x64] [--dtype bfloat16]

FOLDER is a pipeline's (model_index.json). Without one, one of random weights is made: a Stable Diffusion of about 20
million, 64 × 64 pixels, or with --shape xl one in the shape of Stable Diffusion XL. Contenders, interleaved in each
round, all in this process, on the same device, in the same number format:

one-by-one  the model's own pipeline, called for each request, as a simple server does
static      the same pipeline, called once for all requests that have equal size, steps and guidance: the best that
            callers can do without changing anybody's picture
engine      ours, all requests submitted at once

Then the engine draws the same pictures one at a time: are they the same? Prints one JSON line: pictures per second,
ratios (each round's, median, min, max), times to the first preview and to the picture (p50, p99), steps before the
first preview, and how much the pictures differ. Progress, and at the end tables for people, go to the other output.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import torch

from benchmarks.image_contenders import STEPS, Made, Ours, Plain, workload
from benchmarks.image_model import make_model, make_xl
from benchmarks.image_numbers import numbers
from benchmarks.image_report import page, plot
from benchmarks.surroundings import surroundings
from benchmarks.text.rounds import tell
from engine.config import Compile, DType, EngineConfig
from engine.device import pick_device, pick_dtype
from engine.service import EngineThread, FolderSource
from engine.types import ImageParams


def main() -> None:
    told = options()
    config = EngineConfig(device=told.device, dtype=told.dtype, compile=told.compile, threads=told.threads)
    if told.threads is not None:
        torch.set_num_threads(told.threads)
    torch.backends.cudnn.allow_tf32 = False  # what is called float32 is meant
    with tempfile.TemporaryDirectory() as made:
        folder = told.folder or made_model(Path(made) / "model", told.shape, config)
        try:
            work = workload(folder, told.pictures, told.sizes, told.steps)
        except ValueError as error:
            raise SystemExit(str(error)) from error
        began = perf_counter()
        plain, engine = Plain(folder, config), EngineThread(FolderSource(model=folder), config)
        engine.start()
        tell(f"the pipeline was read in {perf_counter() - began:.1f} s")
        untimed = len(work) if pick_device(config).type != "cpu" else max(2, len(told.sizes))
        found = settings(config, told, work) | compared(plain, Ours(engine), work, told.rounds, untimed)
        engine.stop(drain_seconds=0)
    print(f"\n{page(found)}", file=sys.stderr, flush=True)
    if told.plot:
        told.plot.write_text(plot(found))
    print(json.dumps(found), flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--shape", choices=("small", "xl"), default="small", help="of random weights, without FOLDER")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=size, nargs="+", default=[], help="64 or 48x64 pixels, in turns (the model's)")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="that pictures may have")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", choices=get_args(DType), default="auto")
    parser.add_argument("--compile", choices=get_args(Compile), default="off", help="the engine's networks")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--plot", type=Path, help="an SVG file to write: pictures a second of everybody")
    told = parser.parse_args()
    if told.plot and not told.plot.parent.is_dir():
        parser.error(f"There is no folder {told.plot.parent} for the plot.")
    return told


def size(told: str) -> tuple[int, int]:
    """Width and height."""
    width, _, height = told.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and (height or width).isdecimal()):
        raise argparse.ArgumentTypeError(f"A size is pixels, as in 64 or 48x64; it is “{told}”.")
    return int(width), int(height or width)


def made_model(folder: Path, shape: str, config: EngineConfig) -> Path:
    if shape == "small":
        return make_model(folder)
    began, device = perf_counter(), pick_device(config)
    make_xl(folder, device, pick_dtype(config, device))
    written = sum(file.stat().st_size for file in folder.rglob("*.safetensors")) / 1e9
    tell(f"{written:.1f} GB of random weights were made in {perf_counter() - began:.1f} s")
    return folder


def compared(plain: Plain, ours: Ours, work: list[ImageParams], rounds: int, untimed: int) -> dict[str, Any]:
    """untimed: everybody draws so many before, for a GPU's libraries prepare themselves for each shape of batch."""
    contenders: dict[str, Callable[[list[ImageParams]], Made]] = {
        "one-by-one": plain.one_by_one,
        "static": plain.static,
        "engine": ours.at_once,
    }
    results: dict[str, list[Made]] = {name: [] for name in contenders}
    for run in contenders.values():
        run(work[:untimed])
    for number in range(rounds):
        for name, run in contenders.items():
            results[name].append(run(work))
        told = ", ".join(f"{name} {len(work) / made[-1].seconds:.2f}/s" for name, made in results.items())
        tell(f"round {number + 1}: {told}")
    return {"pictures": len(work)} | numbers(results, ours.alone(work))


def settings(config: EngineConfig, told: argparse.Namespace, work: list[ImageParams]) -> dict[str, Any]:
    device = pick_device(config)
    return {
        "workload": "W4",
        "model": told.folder.name if told.folder else f"the shape {told.shape}",
        **surroundings(device, "torch", "diffusers"),
        "device": str(device),
        "dtype": str(pick_dtype(config, device)),
        "compile": config.compile,
        "threads": torch.get_num_threads(),
        "sizes": list(dict.fromkeys((one.width, one.height) for one in work)),
    }


if __name__ == "__main__":
    main()
