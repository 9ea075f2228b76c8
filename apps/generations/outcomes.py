"""How an attempt ended, made of what the engine said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.generations.certainty import NOTHING_KEPT, Sureness
from apps.generations.kept_pictures import KeptPicture
from apps.generations.models import State
from apps.generations.publisher import Ended
from engine.types import FinishReason

SHUTDOWN, LOST, TOO_LATE = "shutdown", "lost", "deadline"
CUT_SHORT = "It took longer than the {:,} s that an answer of this model may take. What was written by then is kept."
UNWRITTEN = (
    "This answer took longer than the {:,} s that one of this model may take, and nothing was written by then. "
    "Try again, or choose another model."
)
UNDRAWN = "This picture took longer than the {:,} s that one of this model may take. Try fewer steps or a smaller size."
UNBEGUN = (
    "Other pictures of this model were drawn first, for longer than the {:,} s that one may take from when a worker "
    "takes it on. Try again later."
)
STATES = {FinishReason.CANCELLED: State.CANCELLED, FinishReason.ERROR: State.FAILED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times in milliseconds; None where not measured."""

    state: State
    output: str
    finish_reason: str
    completion_tokens: int
    prompt_tokens: int | None = None
    """As the engine counted it; None leaves what was counted at submit."""
    usage_estimated: bool = False
    reasoning: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    reasoning_tokens: int = 0
    error_code: str = ""
    error_message: str = ""
    ttft_ms: float | None = None
    decode_ms: float | None = None
    reasoning_ms: float | None = None
    device_ms: float | None = None
    steps: int = 0
    picture: KeptPicture | None = None
    sureness: Sureness = NOTHING_KEPT
    receipt: dict[str, Any] = field(default_factory=dict)


def outcome_of(ended: Ended, picture: KeptPicture | None, receipt: dict[str, Any]) -> Outcome:
    event, usage, reason = ended.event, ended.event.usage, _reason(ended)
    has_error = reason == FinishReason.ERROR or event.error_code == TOO_LATE
    return Outcome(
        state=STATES.get(reason, State.SUCCEEDED),
        output=ended.said.text,
        reasoning=ended.said.reasoning,
        tool_calls=ended.said.tool_calls,
        finish_reason=str(reason),
        completion_tokens=ended.said.tokens,
        prompt_tokens=usage.prompt_tokens,
        usage_estimated=usage.estimated,
        reasoning_tokens=usage.reasoning_tokens,
        reasoning_ms=usage.reasoning_ms,
        error_code=event.error_code if has_error else "",
        error_message=_sentence(ended) if has_error else "",
        ttft_ms=usage.ttft_ms,
        decode_ms=usage.decode_ms,
        device_ms=usage.device_ms,
        steps=usage.steps,
        picture=picture,
        sureness=ended.said.sureness,
        receipt=receipt,
    )


def _reason(ended: Ended) -> FinishReason:
    """A shutdown that comes so far was asked to stop by a person, and has no queue to go back to. An answer whose time
    was over was stopped as well, where there is something of it."""
    code = ended.event.error_code
    stopped = code == SHUTDOWN or (code == TOO_LATE and _has_answer(ended))
    return FinishReason.CANCELLED if stopped else ended.event.reason


def _sentence(ended: Ended) -> str:
    longest = ended.about.longest_seconds
    if ended.event.error_code != TOO_LATE or longest is None:
        return ended.event.error
    if ended.about.makes_picture:
        words = UNDRAWN if ended.event.usage.device_ms else UNBEGUN
    else:
        words = CUT_SHORT if _has_answer(ended) else UNWRITTEN
    return words.format(longest)


def _has_answer(ended: Ended) -> bool:
    return bool(ended.said.text or ended.said.tool_calls)
