"""What a client may send over a socket, and how often: what all pages understand. Every refusal is a sentence."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from apps.lib.ids import is_id

MAX_FRAME_BYTES = 16 * 1024
FRAMES_PER_SECOND = 30
BURST = 60
MAX_CURSOR = 2**31


class BadFrame(Exception):
    """A frame that changes nothing; the client is told why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Follow:
    """Send the events of `job` after this position, and go on as they come."""

    job: str
    attempt: int
    seq: int


@dataclass(frozen=True, slots=True)
class Unfollow:
    job: str


@dataclass(frozen=True, slots=True)
class Cancel:
    job: str


@dataclass(frozen=True, slots=True)
class Ping:
    pass


JobFrame = Follow | Unfollow | Cancel | Ping
JOB_TYPES = ("follow", "unfollow", "cancel", "ping")


def is_too_large(text: str | None, data: bytes | None) -> bool:
    size = len(data or b"") + len((text or "").encode(errors="surrogatepass"))
    return size > MAX_FRAME_BYTES


def object_in(text: str | None) -> dict[str, Any]:
    """The JSON object in `text` (None: the client sent bytes). Raises BadFrame."""
    if text is None:
        raise BadFrame("not_text", "Only text frames are understood here.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame("not_json", "That was not JSON.") from None
    if not isinstance(data, dict):
        raise BadFrame("not_an_object", "A frame is a JSON object with a “type”.")
    return data


def job_frame(data: dict[str, Any]) -> JobFrame | None:
    """The frame about a job, or a ping; None for one of another type. Raises BadFrame."""
    match data.get("type"):
        case "follow":
            return Follow(_job(data), _cursor(data, "attempt"), _cursor(data, "seq"))
        case "unfollow":
            return Unfollow(_job(data))
        case "cancel":
            return Cancel(_job(data))
        case "ping":
            return Ping()
    return None


def unknown_type(*types: str) -> BadFrame:
    """For a frame of none of these types."""
    return BadFrame("unknown_type", f"A frame's “type” is one of: {', '.join(types)}.")


def flag_in(data: dict[str, Any], name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool):
        raise BadFrame("invalid", f"“{name}” must be true or false.")
    return value


def _job(data: dict[str, Any]) -> str:
    job = data.get("job")
    if not isinstance(job, str) or not is_id(job):
        raise BadFrame("invalid", "“job” must be the id of a job: 16 letters and digits.")
    return job


def _cursor(data: dict[str, Any], name: str) -> int:
    value = data.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_CURSOR:
        raise BadFrame("invalid", f"“{name}” must be a whole number from 0.")
    return value


class TokenBucket:
    """Allows `rate` frames a second, and `burst` at once after a pause."""

    def __init__(self, rate: float = FRAMES_PER_SECOND, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, time.monotonic()

    def take(self) -> bool:
        """Whether one more frame is allowed now."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
