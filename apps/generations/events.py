"""What followers of a job get to see, as the JSON of the socket protocol."""

from __future__ import annotations

from typing import Any

from apps.generations.models import TERMINAL, GenerationJob, Kind
from apps.generations.queue import Place, usage_of
from apps.generations.said import Said, parts_of
from engine.types import LoadingEvent

JSON = dict[str, Any]

STARTED: JSON = {"kind": "started"}
RESET: JSON = {"kind": "reset"}


def loading(event: LoadingEvent, now: float) -> JSON:
    """As the log keeps it: with the moment at which the model should be there, in seconds since 1970."""
    if not event.begun:
        return {"kind": "loading", "waits": True}
    return {"kind": "loading"} | ({} if event.seconds is None else {"ready_at": round(now + event.seconds, 1)})


def as_told_at(event: JSON, now: float) -> JSON:
    """As readers get it: how many seconds are left, whenever they ask. Clocks of readers don't come into it."""
    if "ready_at" not in event:
        return event
    return {"kind": event["kind"], "seconds": max(0, round(event["ready_at"] - now))}


def text(offset: int, new: str, tokens: int) -> JSON:
    """`offset` counts the characters before `new`, `tokens` those of the completion so far."""
    return {"kind": "text", "offset": offset, "text": new, "tokens": tokens}


def reasoning(offset: int, new: str, tokens: int, ms: float) -> JSON:
    """As `text`, with an offset of its own; `ms` since the first token of the reasoning."""
    return {"kind": "reasoning", "offset": offset, "text": new, "tokens": tokens, "ms": round(ms)}


def hidden_reasoning(tokens: int, ms: float) -> JSON:
    """That the model thinks, and nothing of what."""
    return {"kind": "reasoning", "tokens": tokens, "ms": round(ms)}


def tool_call(index: int, call: JSON, tokens: int) -> JSON:
    """`call` is `{"name", "arguments", "valid"}`; `index` counts those before it."""
    return {"kind": "tool_call", "index": index, **call, "tokens": tokens}


def progress(step: int, steps: int, preview: int | None) -> JSON:
    """How far a picture is; `preview` is the version of the newest one there is, which pages fetch by themselves."""
    return {"kind": "progress", "step": step, "steps": steps} | ({} if preview is None else {"preview": preview})


def snapshot(said: Said) -> JSON:
    """All that was said so far; without the parts that there are none of."""
    event: JSON = {"kind": "snapshot", "text": said.text, "tokens": said.tokens}
    if said.reasoning_ms is not None:
        event |= {"reasoning": said.reasoning, "ms": round(said.reasoning_ms)}
    return event | ({"tool_calls": list(said.tool_calls)} if said.tool_calls else {})


def without_reasoning(event: JSON) -> JSON:
    """For readers of a model whose reasoning is hidden by now, whatever its log still holds."""
    if event["kind"] == "reasoning":
        return hidden_reasoning(event["tokens"], event["ms"])
    return event | {"reasoning": ""} if "reasoning" in event else event


def queued(place: Place) -> JSON:
    """`starts_in` in seconds, left out where unknown; `reason` is `no_worker` or left out."""
    event: JSON = {"kind": "queued", "position": place.position}
    if place.starts_in is not None:
        event["starts_in"] = place.starts_in
    return event | ({"reason": place.reason} if place.reason else {})


def without_words(event: JSON, tokens: int) -> JSON:
    """How far a job is, for readers who may not have what it says: tokens are steps. tokens: how many are expected."""
    if event["kind"] == "finish":
        return {name: event[name] for name in ("kind", "state", "error")}
    if event["kind"] in ("text", "reasoning", "tool_call", "snapshot"):
        return progress(event["tokens"], max(tokens, event["tokens"]), None)
    return event


def finish(job: GenerationJob, *, with_text: bool) -> JSON:
    """The one last event, of a picture with where it is. `with_text` where a follower may not have all of it."""
    assert job.state in TERMINAL
    event = {
        "kind": "finish",
        "state": str(job.state),
        "finish_reason": job.finish_reason,
        "error_code": job.error_code,
        "error": job.error_message,
        "usage": usage_of(job),
    }
    if job.kind == Kind.IMAGE:
        return event | {"artifact": _artifact_of(job)}
    return event | ({"text": job.output, **parts_of(job)} if with_text else {})


def _artifact_of(job: GenerationJob) -> JSON | None:
    """None where there is none, or none any more."""
    artifact = getattr(job, "artifact", None)
    if artifact is None or artifact.deleted_at is not None:
        return None
    return {"id": artifact.pk, "width": artifact.width, "height": artifact.height}
