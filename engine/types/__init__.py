"""What goes into the engine and what comes out. Plain data: imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.types.common import AdapterRef, FinishReason, LoadingEvent, StartedEvent, Usage
from engine.types.image import CheckpointEvent, ImageEvent, ImageFacts, ImageParams, ImageRequest, ProgressEvent
from engine.types.text import (
    ANY_OBJECT,
    BLIND,
    TOO_LATE,
    ChosenLogprob,
    DemandedCalls,
    GenerationRequest,
    OutputFormat,
    ReasoningEvent,
    SamplingParams,
    TextEvent,
    TokenLogprob,
    ToolCallEvent,
)

__all__ = [
    "ANY_OBJECT", "BLIND", "TOO_LATE", "AdapterRef", "CheckpointEvent", "ChosenLogprob", "DemandedCalls", "Event",
    "FinishEvent", "FinishReason", "GenerationRequest", "ImageEvent", "ImageFacts", "ImageParams", "ImageRequest",
    "LoadingEvent", "OutputFormat", "ProgressEvent", "ReasoningEvent", "Request", "SamplingParams", "Sink",
    "StartedEvent", "TextEvent", "TokenLogprob", "ToolCallEvent", "Usage",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FinishEvent:
    """The one last event of every accepted request, rejection and crash included."""

    request_id: str
    reason: FinishReason
    usage: Usage
    error_code: str = ""
    """Empty, or: `context_overflow bad_request out_of_memory non_finite load_failed internal shutdown lost deadline
    overloaded`; of an upstream also `upstream_unreachable upstream_timeout upstream_busy upstream_refused
    upstream_failed upstream_broken content_filter`."""
    error: str = ""
    """A sentence a person can act on."""
    logprobs: tuple[ChosenLogprob, ...] = ()
    """Of the tokens since the last TextEvent, without the end-of-sequence token."""
    made_with: Mapping[str, str] = field(default_factory=dict)
    """What else than the request decides the result: versions of engine, torch, transformers and diffusers, device,
    number format, attention, scheduler, compile and cache modes. For a receipt; empty where nothing was made."""


Request = GenerationRequest | ImageRequest
Event = (
    LoadingEvent
    | StartedEvent
    | ReasoningEvent
    | TextEvent
    | ToolCallEvent
    | ProgressEvent
    | CheckpointEvent
    | ImageEvent
    | FinishEvent
)
Sink = Callable[[Event], None]
"""Called in the engine thread, so it must return at once: put the event on a queue."""
