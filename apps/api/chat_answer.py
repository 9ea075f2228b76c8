"""An answer in OpenAI's form: whole, or piece by piece as a client gets it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any

from apps.api.chat_request import ChatRequest
from apps.api.growing import Growing
from apps.api.refusing import error_of
from apps.generations.demanding import CHOICE, demanded_name
from apps.generations.errors import Refused
from apps.generations.formats import FORMAT
from apps.generations.models import GenerationJob, State
from apps.generations.outcomes import TOO_LATE
from apps.generations.said import shown_reasoning
from engine.answers import Answer, Reasoning, Segment, ToolCall

Object = dict[str, Any]
LEAST = 1e-5
"""Probabilities are kept to so much; a logarithm needs more than nothing."""
UNKEPT = "bad_request"
"""What a worker refuses: a schema or an expression that can't be followed."""
STOPPED = "This answer was stopped before its end, by a person or because it is no longer allowed."
STATUSES: Mapping[str, int] = MappingProxyType({TOO_LATE: 504, "context_overflow": 400, UNKEPT: 400})
"""By why a job failed; other failures are 500."""


def completion(job: GenerationJob, asked: ChatRequest) -> Object:
    """Of a job that has ended. Raises Refused where there is no answer to give."""
    refuse_unanswered(job)
    message: Object = {"role": "assistant", "content": job.output}
    if reasoning := shown_reasoning(job):
        message["reasoning_content"] = reasoning
    if calls := wanted_calls(job, asked.one_call):
        message["tool_calls"] = list(map(tool_call, calls, new_ids(asked)))
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish_reason(job),
        "logprobs": None if asked.top_logprobs is None else logprobs(job, asked.top_logprobs),
    }
    return _head(job, "chat.completion") | {"choices": [choice], "usage": usage(job)}


def refuse_unanswered(job: GenerationJob) -> None:
    if job.state == State.CANCELLED and not _is_cut_short(job):
        raise Refused(status=400, code=job.error_code or "cancelled", message=job.error_message or STOPPED)
    if job.state == State.FAILED:
        status = STATUSES.get(job.error_code, 500)
        named = {"field": _unkept(job.params)} if job.error_code == UNKEPT else {}
        raise Refused(status=status, code=job.error_code or "failed", message=job.error_message, **named)


def _unkept(params: Mapping[str, Any]) -> str | None:
    """Which parameter holds what a worker could not keep to."""
    return "tools" if params.get(CHOICE) else "response_format" if params.get(FORMAT) else None


def finish_reason(job: GenerationJob) -> str:
    if _is_cut_short(job):
        return "length"
    calls = job.tool_calls and not demanded_name(job.params)  # a call that had to come is none of the model's own
    return "tool_calls" if calls and job.finish_reason == "stop" else job.finish_reason


def _is_cut_short(job: GenerationJob) -> bool:
    """It took as long as an answer of its model may, and there is something of it: one without fails."""
    return job.state == State.CANCELLED and job.error_code == TOO_LATE


def usage(job: GenerationJob) -> Object:
    return {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": job.completion_tokens,
        "total_tokens": job.prompt_tokens + job.completion_tokens,
        "completion_tokens_details": {"reasoning_tokens": job.reasoning_tokens},
    }


def wanted_calls(job: GenerationJob, one_call: bool) -> list[ToolCall]:
    """A model that may choose can't be held to one call; those behind it are as if it had stopped there."""
    return [ToolCall(**call) for call in job.tool_calls[: 1 if one_call else None]]


def tool_call(call: ToolCall, name: str) -> Object:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": name, "type": "function", "function": function}


def logprobs(job: GenerationJob, top: int) -> Object:
    kept = getattr(job, "certainty", None)
    return {"content": [_token(token, top) for token in (kept.tokens if kept else ())]}


def _token(kept: list[Any], top: int) -> Object:
    text, probability, alternatives = kept
    likeliest = [_likelihood(*each) for each in alternatives[:top]]
    return _likelihood(text, probability) | {"top_logprobs": likeliest}


def _likelihood(text: str, probability: float) -> Object:
    return {"token": text, "logprob": math.log(max(probability, LEAST)), "bytes": list(text.encode())}


def new_ids(asked: ChatRequest) -> Iterator[str]:
    """For calls of tools: of the nine letters and digits that Mistral's templates ask for, and none that an earlier
    call has, whichever of them a program still shows."""
    known = {call["id"] for message in asked.messages for call in message.get("tool_calls", ())}
    return (name for number in count(len(known)) if (name := f"call{number:05}") not in known)


def _head(job: GenerationJob, kind: str) -> Object:
    version = job.model_version
    return {
        "id": f"chatcmpl-{job.pk}",
        "object": kind,
        "created": int(job.created_at.timestamp()),
        "model": version.hosted_model_id,
        "system_fingerprint": version.digest[:12],
    }


class Chunks:
    """What to send of an answer as it grows."""

    has_types = False
    last = b"data: [DONE]\n\n"

    def __init__(self, job: GenerationJob, asked: ChatRequest) -> None:
        self._head = _head(job, "chat.completion.chunk")
        self._ids = enumerate(new_ids(asked))
        self._asked = asked
        self._growing = Growing(one_call=asked.one_call)

    def beginning(self) -> Iterator[Object]:
        yield self._chunk({"role": "assistant", "content": ""})

    def after(self, event: Object) -> Iterator[Object]:
        """Raises Refused where the answer came out differently in another attempt."""
        return map(self._told, self._growing.after(event))

    def end(self, job: GenerationJob) -> Iterator[Object]:
        """Of a job that has ended, with what no event told. Raises Refused where it has no answer, or another one than
        was sent."""
        refuse_unanswered(job)
        yield from map(self._told, self._growing.rest(job))
        yield self._chunk({}, finish_reason(job))
        if self._asked.counts:
            yield self._head | {"choices": [], "usage": usage(job)}

    def refused(self, refusal: Refused) -> Iterator[Object]:
        yield error_of(refusal)

    def _told(self, new: Segment) -> Object:
        match new:
            case Reasoning(text):
                return self._chunk({"reasoning_content": text})
            case Answer(text):
                return self._chunk({"content": text})
            case ToolCall():
                place, name = next(self._ids)
                return self._chunk({"tool_calls": [{"index": place} | tool_call(new, name)]})

    def _chunk(self, delta: Object, reason: str | None = None) -> Object:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return self._head | {"choices": [choice]} | ({"usage": None} if self._asked.counts else {})
