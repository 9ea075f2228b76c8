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

    def after(self, event: JSON) -> Said:
        """With what an event of the socket protocol adds; one that doesn't follow on what there is changes nothing."""
        match event:
            case {"kind": "text", "offset": offset, "text": new, "tokens": tokens} if offset == len(self.text):
                return self._replace(text=self.text + new, tokens=tokens)
            case {"kind": "reasoning", "tokens": tokens, "ms": ms} if event.get("offset", 0) == len(self.reasoning):
                return self._replace(reasoning=self.reasoning + event.get("text", ""), tokens=tokens, reasoning_ms=ms)
            case {"kind": "tool_call", "index": index, "tokens": tokens} if index == len(self.tool_calls):
                call = {name: event[name] for name in ("name", "arguments", "valid")}
                return self._replace(tool_calls=(*self.tool_calls, call), tokens=tokens)
            case {"kind": "progress", "step": step}:
                return self._replace(steps=step)
            case {"kind": "snapshot", "text": text, "tokens": tokens}:
                calls = tuple(event.get("tool_calls", ()))
                return Said(text, event.get("reasoning", ""), calls, tokens, event.get("ms"))
        return self


def shown_reasoning(job: GenerationJob) -> str:
    """What the model thought, where people may read it. Asks the policy of now, whatever was stored before."""
    return job.reasoning if job.reasoning and job.model_version.hosted_model.shows_reasoning else ""


def parts_of(job: GenerationJob) -> JSON:
    """Reasoning and tool calls of a job as JSON, to stand beside its text."""
    return {"reasoning": shown_reasoning(job), "tool_calls": job.tool_calls}
