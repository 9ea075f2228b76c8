"""What a conversation's page may send over its socket: what is about jobs, and who types."""

from __future__ import annotations

from dataclasses import dataclass

from apps.generations.socket.frames import JOB_TYPES, JobFrame, flag_in, job_frame, object_in, unknown_type


@dataclass(frozen=True, slots=True)
class Typing:
    on: bool


Frame = JobFrame | Typing


def parse(text: str | None) -> Frame:
    """The frame in `text` (None: the client sent bytes). Raises BadFrame."""
    data = object_in(text)
    if data.get("type") == "typing":
        return Typing(flag_in(data, "on"))
    if (frame := job_frame(data)) is None:
        raise unknown_type(*JOB_TYPES, "typing")
    return frame
