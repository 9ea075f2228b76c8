"""An answer in OpenAI's form: whole, or piece by piece as a client gets it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from apps.api.chat_request import ChatRequest
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.said import Said, shown_reasoning

Object = dict[str, Any]
LEAST = 1e-5
"""Probabilities are kept to so much; a logarithm needs more than nothing."""
ANOTHER = (
    "The worker of this answer was lost, and the next one began it with other words than those that were sent already. "
    "Ask again."
)
STOPPED = "This answer was stopped before its end, by a person or because it is no longer allowed."
STATUSES: Mapping[str, int] = MappingProxyType({"deadline": 504, "context_overflow": 400})
"""By why a job failed; other failures are 500."""


def completion(job: GenerationJob, asked: ChatRequest) -> Object:
    """Of a job that has ended. Raises Refused where there is no answer to give."""
    refuse_unanswered(job)
    message: Object = {"role": "assistant", "content": job.output}
    if reasoning := shown_reasoning(job):
        message["reasoning_content"] = reasoning
    if job.tool_calls:
        first = _calls_before(asked)
        message["tool_calls"] = [tool_call(call, first + place) for place, call in enumerate(job.tool_calls)]
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish_reason(job.finish_reason, has_calls=bool(job.tool_calls)),
        "logprobs": None if asked.top_logprobs is None else logprobs(job, asked.top_logprobs),
    }
    return _head(job, "chat.completion") | {"choices": [choice], "usage": usage(job)}


def refuse_unanswered(job: GenerationJob) -> None:
    if job.state == State.CANCELLED:
        raise Refused(status=400, code=job.error_code or "cancelled", message=job.error_message or STOPPED)
    if job.state == State.FAILED:
        status = STATUSES.get(job.error_code, 500)
        raise Refused(status=status, code=job.error_code or "failed", message=job.error_message)


def finish_reason(reason: str, *, has_calls: bool) -> str:
    return "tool_calls" if has_calls and reason == "stop" else reason


def usage(job: GenerationJob) -> Object:
    return {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": job.completion_tokens,
        "total_tokens": job.prompt_tokens + job.completion_tokens,
        "completion_tokens_details": {"reasoning_tokens": job.reasoning_tokens},
    }


def tool_call(call: Mapping[str, Any], number: int) -> Object:
    """With an id of the nine letters and digits that Mistral's templates ask for."""
    function = {"name": call["name"], "arguments": call["arguments"]}
    return {"id": f"call{number:05}", "type": "function", "function": function}


def logprobs(job: GenerationJob, top: int) -> Object:
    kept = getattr(job, "certainty", None)
    return {"content": [_token(token, top) for token in (kept.tokens if kept else ())]}


def _token(kept: list[Any], top: int) -> Object:
    text, probability, alternatives = kept
    likeliest = [_likelihood(*each) for each in alternatives[:top]]
    return _likelihood(text, probability) | {"top_logprobs": likeliest}


def _likelihood(text: str, probability: float) -> Object:
    return {"token": text, "logprob": math.log(max(probability, LEAST)), "bytes": list(text.encode())}


def _calls_before(asked: ChatRequest) -> int:
    return sum(len(message.get("tool_calls", ())) for message in asked.messages)


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
    """What to send of an answer as it grows. What was sent can't be taken back: where a worker was lost and another
    one begins again, its words must be those that were sent already (they are, with the same seed, nearly always)."""

    def __init__(self, job: GenerationJob, asked: ChatRequest) -> None:
        self._head = _head(job, "chat.completion.chunk")
        self._first_call = _calls_before(asked)
        self._counts = asked.counts
        self._said = Said()
        self._sent = Said()

    def beginning(self) -> Object:
        return self._chunk({"role": "assistant", "content": ""})

    def after(self, event: Object) -> Iterator[Object]:
        """Raises Refused where the answer came out differently in another attempt."""
        self._said = Said() if event["kind"] == "reset" else self._whole(event) or self._said.after(event)
        said, sent = self._said, self._sent
        if new := _new(said.reasoning, sent.reasoning):
            yield self._chunk({"reasoning_content": new})
        if new := _new(said.text, sent.text):
            yield self._chunk({"content": new})
        for place, call in enumerate(said.tool_calls[len(sent.tool_calls) :], len(sent.tool_calls)):
            yield self._chunk({"tool_calls": [{"index": place} | tool_call(call, self._first_call + place)]})
        self._sent = Said(
            text=max(said.text, sent.text, key=len),
            reasoning=max(said.reasoning, sent.reasoning, key=len),
            tool_calls=max(said.tool_calls, sent.tool_calls, key=len),
        )

    def end(self, job: GenerationJob) -> Iterator[Object]:
        """Of a job that has ended. Raises Refused where the answer has none."""
        refuse_unanswered(job)
        reason = finish_reason(job.finish_reason, has_calls=bool(self._sent.tool_calls))
        yield self._chunk({}, reason)
        if self._counts:
            yield self._head | {"choices": [], "usage": usage(job)}

    @staticmethod
    def _whole(event: Object) -> Said | None:
        """An end tells all of the answer where its reader may have missed something."""
        if event["kind"] != "finish" or "text" not in event:
            return None
        return Said(text=event["text"], reasoning=event["reasoning"], tool_calls=tuple(event["tool_calls"]))

    def _chunk(self, delta: Object, reason: str | None = None) -> Object:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return self._head | {"choices": [choice]} | ({"usage": None} if self._counts else {})


def _new(said: str, sent: str) -> str:
    """What of `said` wasn't sent yet."""
    if len(said) >= len(sent):
        if said.startswith(sent):
            return said[len(sent) :]
    elif sent.startswith(said):
        return ""
    raise Refused(status=500, code="restarted", message=ANOTHER)
