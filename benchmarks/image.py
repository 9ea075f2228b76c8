"""W4: pictures with mixed steps, guidance and seeds; the engine against plain diffusers pipelines.

    python -m benchmarks.image [FOLDER | --shape xl] [--pictures 16] [--rounds 3] [--device cuda] [--dtype bfloat16]

FOLDER is a pipeline's (model_index.json). Without one, one of random weights is made: a Stable Diffusion of about 20
million, 64 × 64 pixels, or with --shape xl one in the shape of Stable Diffusion XL. Contenders, interleaved in each
round, all in this process, on the same device, in the same number format:

one-by-one  the model's own pipeline, called for each request, as a simple server does
static      the same pipeline, called once for all requests that have equal steps and guidance: the best that callers
            can do without changing anybody's picture
engine      ours, all requests submitted at once

Then the engine draws the same pictures one at a time: are they the same? Prints a line for people per round, and for
each size one JSON line: pictures per second, ratios (median, min, max), times to the first preview and to the picture
(p50, p99), steps before the first preview, and how much the pictures differ.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import diffusers
import torch

from benchmarks.image_contenders import STEPS, Made, Ours, Plain, workload
from benchmarks.image_model import make_model, make_xl
from benchmarks.image_numbers import numbers
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
        began = perf_counter()
        plain, engine = Plain(folder, config), EngineThread(FolderSource(model=folder), config)
        engine.start()
        print(f"the pipeline was read in {perf_counter() - began:.1f} s", flush=True)
        for side in told.sizes:
            work = workload(folder, told.pictures, side, told.steps)
            found = compared(plain, Ours(engine), work, told.rounds, whole=pick_device(config).type != "cpu")
            print(json.dumps(surroundings(config, work[0]) | found), flush=True)
        engine.stop(drain_seconds=0)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--shape", choices=("small", "xl"), default="small", help="of random weights, without FOLDER")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[None], help="pixels a side, one after the other")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="that pictures may have")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", choices=get_args(DType), default="auto")
    parser.add_argument("--compile", choices=get_args(Compile), default="off", help="the engine's networks")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


def made_model(folder: Path, shape: str, config: EngineConfig) -> Path:
    if shape == "small":
        return make_model(folder)
    began, device = perf_counter(), pick_device(config)
    make_xl(folder, device, pick_dtype(config, device))
    size = sum(file.stat().st_size for file in folder.rglob("*.safetensors")) / 1e9
    print(f"{size:.1f} GB of random weights were made in {perf_counter() - began:.1f} s", flush=True)
    return folder


def compared(plain: Plain, ours: Ours, work: list[ImageParams], rounds: int, *, whole: bool) -> dict[str, Any]:
    """whole: everybody first draws all of it untimed, for a GPU's libraries prepare themselves for each shape; not
    only two pictures."""
    contenders: dict[str, Callable[[list[ImageParams]], Made]] = {
        "one-by-one": plain.one_by_one,
        "static": plain.static,
        "engine": ours.at_once,
    }
    results: dict[str, list[Made]] = {name: [] for name in contenders}
    for run in contenders.values():
        run(work if whole else work[:2])
    for number in range(rounds):
        for name, run in contenders.items():
            results[name].append(run(work))
        told = ", ".join(f"{name} {len(work) / made[-1].seconds:.2f}/s" for name, made in results.items())
        print(f"round {number + 1}: {told}", flush=True)
    return {"pictures": len(work)} | numbers(results, ours.alone(work))


def surroundings(config: EngineConfig, one: ImageParams) -> dict[str, Any]:
    device = pick_device(config)
    return {
        "workload": "W4",
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "dtype": str(pick_dtype(config, device)),
        "compile": config.compile,
        "threads": torch.get_num_threads(),
        "size": [one.width, one.height],
    }


if __name__ == "__main__":
    main()
