"""W4: pictures with mixed steps, guidance and seeds; the engine against plain diffusers pipelines.

    python -m benchmarks.image [FOLDER] [--pictures 16] [--rounds 3] [--threads N]

FOLDER is a pipeline's (model_index.json). Without one, a Stable Diffusion of about 20 million random weights is made,
64 × 64 pixels. Contenders, interleaved in each round, all in this process, in the same number format:

one-by-one  the model's own pipeline, called for each request, as a simple server does
static      the same pipeline, called once for all requests that have equal steps and guidance: the best that callers
            can do without changing anybody's picture
engine      ours, all requests submitted at once

Prints a line for people per round, and at the end one JSON line: pictures per second, ratios (median, min, max), times
to the first preview and to the picture (p50, p99), and how much the pictures differ.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
import statistics
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from benchmarks.image_model import make_model
from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.pipelines import read_pipeline
from engine.service import EngineThread, FolderSource
from engine.types import Event, FinishEvent, ImageEvent, ImageParams, ImageRequest, ProgressEvent

THINGS = ("a red apple", "a smiling face", "a blue car", "a green heart", "a house", "a yellow star", "a cat", "a tree")
STEPS, GUIDANCE = (12, 16, 20, 28), (1.0, 4.0, 6.0)


@dataclass
class Made:
    """What one contender made of all requests in one round."""

    seconds: float = 0.0
    previews: dict[int, float] = field(default_factory=dict)
    """Seconds from the beginning to the first one, by request."""
    done: dict[int, float] = field(default_factory=dict)
    pictures: dict[int, np.ndarray] = field(default_factory=dict)


def workload(folder: Path, count: int) -> list[ImageParams]:
    facts, chance = read_pipeline(folder).facts, random.Random(4)
    return [
        ImageParams(
            chance.choice(THINGS), width=facts.width, height=facts.height, steps=chance.choice(STEPS),
            guidance=chance.choice(GUIDANCE), seed=number,
        )
        for number in range(count)
    ]  # fmt: skip


class Plain:
    """The model's own pipeline."""

    def __init__(self, folder: Path, config: EngineConfig) -> None:
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        name = read_pipeline(folder).kind.pipeline
        self._pipeline = getattr(diffusers, name).from_pretrained(folder, torch_dtype=dtype, local_files_only=True)
        self._pipeline.to(device)
        self._pipeline.set_progress_bar_config(disable=True)

    def one_by_one(self, work: list[ImageParams]) -> Made:
        return self._run([[place] for place in range(len(work))], work)

    def static(self, work: list[ImageParams]) -> Made:
        groups: dict[tuple[int, float], list[int]] = defaultdict(list)
        for place, one in enumerate(work):
            groups[one.steps, one.guidance].append(place)
        return self._run(list(groups.values()), work)

    def _run(self, groups: list[list[int]], work: list[ImageParams]) -> Made:
        made, began = Made(), perf_counter()
        for group in groups:
            self._call(group, work, made, began)
        made.seconds = perf_counter() - began
        return made

    def _call(self, group: list[int], work: list[ImageParams], made: Made, began: float) -> None:
        first = work[group[0]]

        def stepped(_pipeline: Any, step: int, _timestep: Any, kept: dict[str, Any]) -> dict[str, Any]:
            if step == 0:
                made.previews.update(dict.fromkeys(group, perf_counter() - began))
            return kept

        pictures = self._pipeline(
            prompt=[work[place].prompt for place in group], num_inference_steps=first.steps,
            guidance_scale=first.guidance, width=first.width, height=first.height, callback_on_step_end=stepped,
            generator=[torch.Generator().manual_seed(work[place].seed) for place in group],
        ).images  # fmt: skip
        for place, picture in zip(group, pictures, strict=True):
            made.pictures[place] = np.array(picture)
            made.done[place] = perf_counter() - began


def by_engine(engine: EngineThread, work: list[ImageParams]) -> Made:
    made, began, over = Made(), perf_counter(), threading.Semaphore(0)

    def sink_for(place: int) -> Callable[[Event], None]:
        def sink(event: Event) -> None:
            match event:
                case ProgressEvent() if event.preview:
                    made.previews.setdefault(place, perf_counter() - began)
                case ImageEvent():
                    made.done[place] = perf_counter() - began
                    made.pictures[place] = np.array(Image.open(io.BytesIO(event.png)))
                case FinishEvent():
                    if event.error:
                        raise SystemExit(event.error)
                    over.release()

        return sink

    for place, one in enumerate(work):
        engine.submit(ImageRequest(str(place), "model", one), sink_for(place))
    for _ in work:
        over.acquire()
    made.seconds = perf_counter() - began
    return made


def spread(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = {"p50": ordered[len(ordered) // 2], "p99": ordered[min(len(ordered) - 1, math.ceil(len(ordered) * 0.99) - 1)]}
    return {name: round(value, 3) for name, value in at.items()}


def likeness(one: Made, other: Made) -> dict[str, Any]:
    """Of all pictures: how many are the same to the bit, the largest difference in levels of 255, the lowest PSNR."""
    pairs = [(one.pictures[place].astype(float), other.pictures[place].astype(float)) for place in one.pictures]
    squares = [float(((a - b) ** 2).mean()) for a, b in pairs]
    return {
        "equal": sum(not square for square in squares),
        "of": len(pairs),
        "largest_difference": int(max(np.abs(a - b).max() for a, b in pairs)),
        "lowest_psnr": None if not max(squares) else round(10 * math.log10(255**2 / max(squares)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.image", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = told.folder or make_model(Path(made) / "model")
        print(json.dumps(compare(folder, told.pictures, told.rounds, told.threads)))


def compare(folder: Path, pictures: int, rounds: int, threads: int | None) -> dict[str, Any]:
    config = EngineConfig(threads=threads)
    if threads is not None:
        torch.set_num_threads(threads)
    work, plain = workload(folder, pictures), Plain(folder, config)
    engine = EngineThread(FolderSource(model=folder), config)
    engine.start()
    contenders: dict[str, Callable[[list[ImageParams]], Made]] = {
        "one-by-one": plain.one_by_one,
        "static": plain.static,
        "engine": lambda work: by_engine(engine, work),
    }
    results: dict[str, list[Made]] = {name: [] for name in contenders}
    for run in contenders.values():
        run(work[:2])
    for number in range(rounds):
        for name, run in contenders.items():
            results[name].append(run(work))
        told = ", ".join(f"{name} {pictures / results[name][-1].seconds:.2f}/s" for name in contenders)
        print(f"round {number + 1}: {told}", flush=True)
    engine.stop(drain_seconds=0)
    return summary(results, config, pictures)


def summary(results: dict[str, list[Made]], config: EngineConfig, pictures: int) -> dict[str, Any]:
    device = pick_device(config)
    ours = results["engine"]
    return {
        "workload": "W4",
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "device": str(device),
        "dtype": str(pick_dtype(config, device)),
        "threads": torch.get_num_threads(),
        "pictures_per_second": {
            name: spread([pictures / one.seconds for one in made]) for name, made in results.items()
        },
        "ratio_to": {
            name: spread([one.seconds / mine.seconds for one, mine in zip(results[name], ours, strict=True)])
            for name in ("one-by-one", "static")
        },
        "first_preview_seconds": {
            name: percentiles(list(made[-1].previews.values())) for name, made in results.items()
        },
        "picture_seconds": {name: percentiles(list(made[-1].done.values())) for name, made in results.items()},
        "engine_and_one_by_one": likeness(ours[-1], results["one-by-one"][-1]),
        "static_and_one_by_one": likeness(results["static"][-1], results["one-by-one"][-1]),
    }


if __name__ == "__main__":
    main()
