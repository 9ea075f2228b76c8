"""How an attempt ended, made of what the engine said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.generations.certainty import NOTHING_KEPT, Sureness
from apps.generations.kept_pictures import KeptPicture
from apps.generations.models import State
from apps.generations.publisher import Ended
from engine.types import FinishReason

SHUTDOWN = "shutdown"
LOST = "lost"
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
    event, usage = ended.event, ended.event.usage
    # A shutdown that comes so far was asked to stop by a person, and has no queue to go back to.
    reason = FinishReason.CANCELLED if event.error_code == SHUTDOWN else event.reason
    failed = reason == FinishReason.ERROR
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
        error_code=event.error_code if failed else "",
        error_message=event.error if failed else "",
        ttft_ms=usage.ttft_ms,
        decode_ms=usage.decode_ms,
        device_ms=usage.device_ms,
        steps=usage.steps,
        picture=picture,
        sureness=ended.said.sureness,
        receipt=receipt,
    )
