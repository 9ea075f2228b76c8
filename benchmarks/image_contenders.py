"""Who draws in the benchmark of pictures: the model's own pipeline, and the engine."""

from __future__ import annotations

import io
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.image.checks import refusal
from engine.pipelines import read_pipeline
from engine.service import EngineThread
from engine.types import Event, FinishEvent, ImageEvent, ImageParams, ImageRequest, ProgressEvent

THINGS = ("a red apple", "a smiling face", "a blue car", "a green heart", "a house", "a yellow star", "a cat", "a tree")
STEPS, GUIDANCE = (12, 16, 20, 28), (1.0, 4.0, 6.0)


@dataclass
class Made:
    """What one contender made of all requests in one round."""

    seconds: float = 0.0
    previews: dict[int, float] = field(default_factory=dict)
    """Seconds from the beginning to the first one, by request."""
    preview_steps: dict[int, int] = field(default_factory=dict)
    """How many steps a picture had made when its first one came."""
    done: dict[int, float] = field(default_factory=dict)
    pictures: dict[int, np.ndarray] = field(default_factory=dict)


def workload(
    folder: Path, count: int, sizes: Sequence[tuple[int, int]], steps: Sequence[int]
) -> list[ImageParams]:  # fmt: skip
    """sizes: width and height in pixels, in turns among the pictures; none for the model's own. Raises ValueError in
    words where the model has no such size."""
    facts, chance = read_pipeline(folder).facts, random.Random(4)
    sizes = sizes or [(facts.width, facts.height)]
    work = [
        ImageParams(
            chance.choice(THINGS), width=width, height=height, steps=chance.choice(steps),
            guidance=chance.choice(GUIDANCE), seed=number,
        )
        for number, (width, height) in zip(range(count), cycle(sizes), strict=False)
    ]  # fmt: skip
    for one in work:
        if refused := refusal(ImageRequest("", "model", one), facts):
            raise ValueError(refused[1])
    return work


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
        groups: dict[tuple[int, int, int, float], list[int]] = defaultdict(list)
        for place, one in enumerate(work):
            groups[one.width, one.height, one.steps, one.guidance].append(place)
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


class Ours:
    """The engine."""

    def __init__(self, engine: EngineThread) -> None:
        self._engine = engine

    def at_once(self, work: list[ImageParams]) -> Made:
        return self._run(work, at_once=len(work))

    def alone(self, work: list[ImageParams]) -> Made:
        """The next is asked for when one is done."""
        return self._run(work, at_once=1)

    def _run(self, work: list[ImageParams], at_once: int) -> Made:
        made, files, errors = Made(), dict[int, bytes](), list[str]()
        began, places = perf_counter(), threading.Semaphore(at_once)

        def sink_for(place: int) -> Callable[[Event], None]:
            def sink(event: Event) -> None:
                match event:
                    case ProgressEvent() if event.preview:
                        made.previews.setdefault(place, perf_counter() - began)
                        made.preview_steps.setdefault(place, event.step)
                    case ImageEvent():
                        made.done[place] = perf_counter() - began
                        files[place] = event.png
                    case FinishEvent():
                        errors.extend([event.error] if event.error else [])
                        places.release()

            return sink

        for place, one in enumerate(work):
            places.acquire()
            self._engine.submit(ImageRequest(str(place), "model", one), sink_for(place))
        for _ in range(at_once):
            places.acquire()
        made.seconds = perf_counter() - began
        if errors:
            raise SystemExit(errors[0])
        made.pictures = {place: np.array(Image.open(io.BytesIO(png))) for place, png in files.items()}
        return made
