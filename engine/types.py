"""What goes into the engine and what comes out. Plain data: imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class FinishReason(StrEnum):
    STOP = "stop"
    """An end-of-sequence token or a stop string."""
    LENGTH = "length"
    """`max_tokens` or the context length was reached."""
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen. The defaults sample from the model's own distribution.

    `temperature=0` is greedy.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """0 keeps every token."""
    min_p: float = 0.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    """The completion ends before the first of these strings; the string itself is not part of it."""
    seed: int | None = None
    repetition_penalty: float = 1.0
    ignore_eos: bool = False
    """For benchmarks: run to `max_tokens`."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One completion to make. `id` comes from the caller and is unique among its unfinished requests."""

    id: str
    model: str
    """Which loaded model: the key that the service's `ModelSource` understands."""
    prompt_ids: tuple[int, ...]
    params: SamplingParams = field(default_factory=SamplingParams)
    user: str = ""
    """Whose share of the device it uses: who has used least is served first."""
    tenant: str = ""
    """Requests of one tenant share what the engine remembers of equal beginnings of prompts."""
    priority: int = 0
    """Higher ones are served earlier; waiting makes up for it."""
    deadline_seconds: float | None = None
    """After so long since it was accepted it ends with `deadline`, keeping what it has."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts and times of one finished request, in tokens and milliseconds."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    ttft_ms: float | None = None
    """Accepted by the engine to first token, loading excluded."""
    decode_ms: float | None = None
    """First token to last."""
    load_ms: float | None = None
    """Time this request waited for its model to load."""
    device_ms: float = 0.0
    """This request's share of the measured step times."""


@dataclass(frozen=True, slots=True)
class LoadingEvent:
    """The model of this request is being loaded."""

    request_id: str


@dataclass(frozen=True, slots=True)
class StartedEvent:
    """The request left the waiting line: its prompt is being read."""

    request_id: str


@dataclass(frozen=True, slots=True)
class TextEvent:
    """New text, never half a character and never part of a stop string.

    `offset` counts the characters delivered before it.
    """

    request_id: str
    offset: int
    text: str
    tokens: int
    """Completion tokens so far."""


@dataclass(frozen=True, slots=True)
class FinishEvent:
    """The one last event of every accepted request, rejection and crash included."""

    request_id: str
    reason: FinishReason
    usage: Usage
    error_code: str = ""
    """Empty, or: `context_overflow bad_request out_of_memory non_finite load_failed internal shutdown
    deadline overloaded`."""
    error: str = ""
    """A sentence a person can act on."""


Event = LoadingEvent | StartedEvent | TextEvent | FinishEvent
Sink = Callable[[Event], None]
"""Called in the engine thread, so it must return at once: put the event on a queue."""
