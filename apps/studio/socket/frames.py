"""What a studio's page may send over its socket: only what is about jobs."""

from __future__ import annotations

from apps.generations.socket.frames import JOB_TYPES, JobFrame, job_frame, object_in, unknown_type

Frame = JobFrame


def parse(text: str | None) -> Frame:
    """The frame in `text` (None: the client sent bytes). Raises BadFrame."""
    if (frame := job_frame(object_in(text))) is None:
        raise unknown_type(*JOB_TYPES)
    return frame
