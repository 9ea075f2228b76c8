"""Where the time of a picture's step goes: `python -m benchmarks.image_profile FOLDER [--pictures 8] [--steps 10]`.

Steps the engine itself, all pictures in one batch, and prints milliseconds a step (median, least, most) and torch's
profile of the same steps, by operation: time on the processor, and on an accelerator where there is one.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from time import perf_counter
from typing import get_args

import torch
from torch.profiler import ProfilerActivity, profile

from engine.config import Compile, DType, EngineConfig
from engine.device import finish, pick_device
from engine.image.encoding import Encoding
from engine.image.engine import ImageEngine
from engine.image.loader import load_pipeline
from engine.loaded import at_once
from engine.metrics import Counters
from engine.pipelines import read_pipeline
from engine.source import FolderSource
from engine.ticket import ImageTicket
from engine.types import Event, FinishEvent, ImageParams, ImageRequest

ROWS_SHOWN = 25


@torch.inference_mode()
def main() -> None:
    told = options()
    config = EngineConfig(device=told.device, dtype=told.dtype, compile=told.compile, max_pictures=told.pictures)
    model = at_once(load_pipeline(told.folder, config))
    engine = ImageEngine(model, config, Counters(), FolderSource(), encoding=Encoding())
    add(engine, told.folder, told.pictures, told.steps, told.size)
    while engine.busy:  # once untimed: libraries prepare themselves
        engine.step()
    add(engine, told.folder, told.pictures, told.steps + 1, told.size)
    engine.step()  # prompts are read with it
    device, took = pick_device(config), []
    for _ in range(told.steps - 1):
        began = perf_counter()
        engine.step()
        finish(device)
        took.append(1e3 * (perf_counter() - began))
    print(f"a step of {told.pictures} pictures: {statistics.median(took):.2f} ms ({min(took):.2f} – {max(took):.2f})")
    engine.fail_all("stopped", "")
    add(engine, told.folder, told.pictures, told.steps + 2, told.size)
    engine.step()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=activities) as seen:
        for _ in range(told.steps):
            engine.step()
        finish(device)
    engine.fail_all("stopped", "")
    for by in ("self_cpu_time_total", *(["self_cuda_time_total"] if device.type == "cuda" else [])):
        print(seen.key_averages().table(sort_by=by, row_limit=ROWS_SHOWN, max_name_column_width=60), flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.image_profile", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--size", type=int, help="pixels a side; without it the model's own")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", choices=get_args(DType), default="auto")
    parser.add_argument("--compile", choices=get_args(Compile), default="off")
    return parser.parse_args()


def add(engine: ImageEngine, folder: Path, pictures: int, steps: int, side: int | None) -> None:
    facts = read_pipeline(folder).facts

    def sink(event: Event) -> None:
        if isinstance(event, FinishEvent) and event.error:
            raise SystemExit(event.error)

    for number in range(pictures):
        one = ImageParams(
            "a red apple", width=side or facts.width, height=side or facts.height, steps=steps, guidance=4.0,
            seed=number,
        )  # fmt: skip
        engine.add(ImageTicket(ImageRequest(str(number), "model", one), sink, lambda _ticket: None))


if __name__ == "__main__":
    main()
