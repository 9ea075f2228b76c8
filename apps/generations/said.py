"""What a model said in one attempt, in its parts, or how far a picture came; and which of it people may read."""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.generations.certainty import NOTHING_KEPT, Sureness
from apps.generations.models import GenerationJob

JSON = dict[str, Any]


class Said(NamedTuple):
    """`reasoning` is "" where the policy of the model hides it; its time is told all the same."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[JSON, ...] = ()
    """`{"name", "arguments", "valid"}` each."""
    tokens: int = 0
    """Of the whole completion so far."""
    reasoning_ms: float | None = None
    steps: int = 0
    """Of a picture, those that its readers were told of."""
    sureness: Sureness = NOTHING_KEPT
    """Where it was asked for. Readers don't follow it, so a lost worker's is lost."""


def shown_reasoning(job: GenerationJob) -> str:
    """What the model thought, where people may read it. Asks the policy of now, whatever was stored before."""
    return job.reasoning if job.reasoning and job.model_version.hosted_model.shows_reasoning else ""


def parts_of(job: GenerationJob) -> JSON:
    """Reasoning and tool calls of a job as JSON, to stand beside its text."""
    return {"reasoning": shown_reasoning(job), "tool_calls": job.tool_calls}
