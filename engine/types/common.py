"""What requests of every kind have in common. Plain data: imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FinishReason(StrEnum):
    STOP = "stop"
    """A text: an end-of-sequence token or a stop string. A picture: all its steps were made."""
    LENGTH = "length"
    """`max_tokens` or the context length was reached."""
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """A LoRA adapter to generate with, and what it was made for."""

    key: str
    """As the service's `ModelSource` understands it; its folder is verified like a model's."""
    base: str
    """The key of the model that it belongs to: any other one refuses it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts and times of one finished request, in tokens or steps and in milliseconds."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    """All that were made, those of the reasoning included."""
    ttft_ms: float | None = None
    """Accepted by the engine to first token, or to the first preview of a picture; loading excluded."""
    decode_ms: float | None = None
    """First token to last, or first denoising step to the finished picture."""
    load_ms: float | None = None
    """Time this request waited for its model to load."""
    device_ms: float = 0.0
    """This request's share of the measured step times; of an upstream, the time that it was busy with this request."""
    estimated: bool = False
    """Whether the tokens were not counted by whoever made them: an upstream that didn't say."""
    reasoning_tokens: int = 0
    """Those made inside the reasoning, its marks included."""
    reasoning_ms: float | None = None
    """First token of the reasoning to its last."""
    steps: int = 0
    """Denoising steps (or image tokens) that were computed for this request, those before a resume left out."""


@dataclass(frozen=True, slots=True)
class LoadingEvent:
    """The model of this request isn't loaded yet. Comes again where that changes."""

    request_id: str
    seconds: float | None = None
    """About how long it takes from now on, as earlier loads went; None where that can't be told."""
    begun: bool = True
    """False: it can't be loaded yet, because another one is being loaded or must make room."""


@dataclass(frozen=True, slots=True)
class StartedEvent:
    """The request left the waiting line: its prompt is being read."""

    request_id: str
