"""What followers of a job get to see, as the JSON of the socket protocol."""

from __future__ import annotations

from typing import Any

from apps.generations.models import TERMINAL, GenerationJob
from apps.generations.queue import Place, usage_of

JSON = dict[str, Any]

LOADING: JSON = {"kind": "loading"}
STARTED: JSON = {"kind": "started"}
RESET: JSON = {"kind": "reset"}


def text(offset: int, new: str, tokens: int) -> JSON:
    """`offset` counts the characters before `new`, `tokens` those of the completion so far."""
    return {"kind": "text", "offset": offset, "text": new, "tokens": tokens}


def snapshot(whole: str, tokens: int) -> JSON:
    return {"kind": "snapshot", "text": whole, "tokens": tokens}


def queued(place: Place) -> JSON:
    """`starts_in` in seconds, left out where unknown; `reason` is `no_worker` or left out."""
    event: JSON = {"kind": "queued", "position": place.position}
    if place.starts_in is not None:
        event["starts_in"] = place.starts_in
    return event | ({"reason": place.reason} if place.reason else {})


def finish(job: GenerationJob, *, with_text: bool) -> JSON:
    """The one last event. `with_text` where a follower may not have all of it."""
    assert job.state in TERMINAL
    event = {
        "kind": "finish",
        "state": str(job.state),
        "finish_reason": job.finish_reason,
        "error_code": job.error_code,
        "error": job.error_message,
        "usage": usage_of(job),
    }
    return event | ({"text": job.output} if with_text else {})
