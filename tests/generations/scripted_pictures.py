"""Pictures of the scripted engine: what they look like, and how they come about step by step."""

from __future__ import annotations

import hashlib
from io import BytesIO

from PIL import Image

from apps.generations.models import GenerationJob
from engine.types import CheckpointEvent, ImageEvent, ImageRequest, ProgressEvent, Sink, Usage
from tests.generations.pictures import picture, png_of

CHECKPOINT_EVERY = 2


class Drawing:
    """The steps of one request. It has a preview from the second step on, and every so many steps a checkpoint."""

    def __init__(self, request: ImageRequest, sink: Sink, hue: int = 0) -> None:
        self._request, self._sink, self._hue = request, sink, hue
        self.first = int(request.checkpoint.decode().removeprefix("step ")) + 1 if request.checkpoint else 1
        self.last = request.params.steps

    def token(self, step: int) -> None:
        name, params = self._request.id, self._request.params
        self._sink(ProgressEvent(name, step, params.steps))
        if step > 1:
            self._sink(ProgressEvent(name, step, params.steps, preview_of(params.seed, step)))
        if step % CHECKPOINT_EVERY == 0:
            self._sink(CheckpointEvent(name, step, f"step {step}".encode()))

    def picture(self) -> None:
        params = self._request.params
        image = drawn(params.seed, params.width, params.height, params.prompt, self._hue)
        self._sink(ImageEvent(self._request.id, png_of(image), params.width, params.height, pixels_of(image)))

    def usage(self, done: int) -> Usage:
        return Usage(ttft_ms=1.0, decode_ms=10.0, device_ms=10.0 * (done - self.first + 1), steps=done - self.first + 1)


def drawn(seed: int, width: int, height: int, prompt: str, hue: int = 0) -> Image.Image:
    image = picture(seed, width, height, prompt)
    return image.point(lambda value: (value + hue) % 256) if hue else image


def expected_pixels(job: GenerationJob) -> str:
    asked = job.params
    return pixels_of(drawn(asked["seed"], asked["width"], asked["height"], asked["prompt"]))


def pixels_of(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def preview_of(seed: int, step: int) -> bytes:
    buffer = BytesIO()
    picture(seed * 1000 + step, 16, 16).save(buffer, "WEBP")
    return buffer.getvalue()
