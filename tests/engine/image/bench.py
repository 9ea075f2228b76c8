"""One loaded pipeline, stepped by the test itself instead of by a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.config import EngineConfig
from engine.image.encoding import Encoding
from engine.image.engine import ImageEngine
from engine.image.loader import LoadedPipeline, load_pipeline
from engine.image.picture import work_of
from engine.loaded import at_once
from engine.metrics import Counters
from engine.source import FolderSource
from engine.ticket import ImageTicket
from engine.types import AdapterRef, ImageParams, ImageRequest
from tests.engine.image.drawing import Watcher

ENOUGH_STEPS = 100_000
CONFIG: dict[str, Any] = {"dtype": "float32", "device": "cpu", "threads": 1}
Asked = ImageParams | tuple[ImageParams, AdapterRef | None]


class Bench:
    """Its requests ask for the model that the first adapter named is of. A pipeline that was loaded before may be used
    by one bench after the other."""

    def __init__(self, pipeline: Path | LoadedPipeline, source: FolderSource, **changes: Any) -> None:
        config = EngineConfig(**{**CONFIG, **changes})
        model = at_once(load_pipeline(pipeline, config)) if isinstance(pipeline, Path) else pipeline
        self.engine = ImageEngine(model, config, Counters(), source, encoding=Encoding())
        self.network = model.family.network
        self._asked = 0

    def add(self, wanted: ImageParams, adapter: AdapterRef | None = None, checkpoint: bytes | None = None) -> Watcher:
        self._asked += 1
        watcher = Watcher(str(self._asked))
        model = "m" if adapter is None else adapter.base
        asked = ImageRequest(watcher.id, model, wanted, adapter=adapter, checkpoint=checkpoint)
        self.engine.add(ImageTicket(asked, watcher, lambda ticket: None))
        return watcher

    @torch.inference_mode()
    def until(self, there: Callable[[], bool]) -> None:
        for _ in range(ENOUGH_STEPS):
            if there():
                return
            self.engine.step()
        raise AssertionError("it never came")

    def run(self) -> None:
        self.until(lambda: not self.engine.busy)

    def draw(self, wanted: ImageParams, adapter: AdapterRef | None = None) -> np.ndarray:
        watcher = self.add(wanted, adapter)
        self.run()
        return watcher.picture()

    def after_a_step(self, *asked: Asked) -> list[torch.Tensor]:
        """The latents of pictures whose first step was made together; their adapters must be loaded."""
        for one in asked:
            self.add(*(one if isinstance(one, tuple) else (one,)))
        pictures = list(self.engine._places.waiting)
        with torch.inference_mode():
            self.engine.step()
        latents = [work_of(picture).latents.clone() for picture in pictures]
        self.run()
        return latents
