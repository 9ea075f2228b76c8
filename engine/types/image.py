"""Pictures: what is asked for, and what is told while they are made."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types.common import AdapterRef


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a model of pictures can do and what suits it, read from its files without loading them."""

    family: str
    """A name of `engine.pipeline_kinds`: `stable-diffusion`, `stable-diffusion-xl`, …; or `janus`."""
    width: int
    height: int
    """Pixels it was made for."""
    multiple_of: int
    """Width and height must be."""
    steps: int
    guidance: float
    """Good values to begin with."""
    prompt_tokens: int
    """What is longer is cut off by the model."""
    takes_negative: bool = True
    takes_source: bool = True
    takes_mask: bool = True
    schedulers: tuple[str, ...] = ("default",)
    """Names that `ImageParams.scheduler` may have."""
    own_scheduler: str = ""
    """The class of the one that is called `default`; empty where that isn't known, or there is none."""
    is_fixed: bool = False
    """Whether it draws in this size and in so many steps only."""
    longest: int = 0
    """Pixels that width and height may have at most; 0: only their product counts."""
    most_steps: int = 0
    """That it can be drawn in; 0: as many as any model."""
    second_pass: bool = True
    """Whether guidance above 1 takes a row of its own, without the prompt; otherwise the network is told of it, or it
    changes nothing."""

    def rows(self, guidance: float) -> int:
        """Of the network's batch, that each step computes for a picture."""
        return 2 if self.second_pass and guidance > 1 else 1


@dataclass(frozen=True, slots=True)
class ImageParams:
    """What picture to make. Same parameters, model and seed: the same picture, whatever else is in the batch."""

    prompt: str
    negative_prompt: str = ""
    width: int = 512
    height: int = 512
    """Pixels; a multiple of what the model's latents stand for (see the model's `ImageFacts`)."""
    steps: int = 20
    guidance: float = 5.0
    """How closely to follow the prompt (classifier-free guidance); 1 switches it off, and takes half of the time where
    the model needs a second pass for it."""
    seed: int = 0
    scheduler: str = "default"
    """A name of `engine.image.schedulers.SCHEDULERS`; `default` is the model's own."""
    strength: float = 0.6
    """How far a source picture is changed, 0 … 1: that share of the steps is made. Only with a source."""
    adapter_strength: float = 1.0
    """What the adapter's change is multiplied with, 0 … 2: at 1 it is what its file says. Only with an adapter."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One picture to make. `id` comes from the caller and is unique among its unfinished requests."""

    id: str
    model: str
    """Which model: the key that the service's `ModelSource` understands."""
    params: ImageParams
    source: bytes | None = None
    """A PNG (RGB) to start from, of any size: it is scaled to `width` × `height`."""
    mask: bytes | None = None
    """A PNG (greyscale) of what of `source` is drawn anew: white; black stays as it is."""
    checkpoint: bytes | None = None
    """What an earlier attempt left (`CheckpointEvent.data`): go on from there instead of from the beginning."""
    previews: bool = True
    user: str = ""
    """Whose share of the device it uses: who has used least is served first."""
    tenant: str = ""
    priority: int = 0
    """Higher ones are served earlier; waiting makes up for it."""
    deadline_seconds: float | None = None
    """As of `GenerationRequest`."""
    adapter: AdapterRef | None = None
    """To draw with; None: with the model alone."""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A denoising step (or some image tokens) more of a picture, or a preview of one of its last steps."""

    request_id: str
    step: int
    """Steps made so far, those before a resume included; grows with every event that brings no preview."""
    steps: int
    """All there will be."""
    preview: bytes = b""
    """A small WebP of how it looked a moment ago; empty where this tells of a step."""


@dataclass(frozen=True, slots=True)
class CheckpointEvent:
    """What another attempt could go on from, should this one be lost. The newest replaces those before."""

    request_id: str
    step: int
    data: bytes
    """Opaque, for `ImageRequest.checkpoint` of the same request: safetensors, never a pickle."""


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """The finished picture; a FinishEvent follows."""

    request_id: str
    png: bytes
    """Without any metadata."""
    width: int
    height: int
    pixels_sha256: str
    """Of the RGB bytes, row by row: stays the same whatever is written into the file's header."""
