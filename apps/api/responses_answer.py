"""An answer in the form of OpenAI's Responses API: whole, or as the events of one that grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.api.chat_answer import finish_reason, new_ids, refuse_unanswered, wanted_calls
from apps.api.growing import Growing
from apps.api.refusing import error_of
from apps.api.responses_request import ResponsesRequest, renamed
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.generations.said import shown_reasoning
from engine.answers import Answer, Reasoning, Segment, ToolCall

Object = dict[str, Any]
REPEATED: Object = {
    "instructions": None, "max_output_tokens": None, "metadata": {}, "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None}, "text": {"format": {"type": "text"}}, "tool_choice": "auto",
    "tools": [],
}  # fmt: skip
"""What an answer tells of what was asked, and what that is where nothing was."""


def response(job: GenerationJob, asked: ResponsesRequest) -> Object:
    """Of a job that has ended. Raises Refused where there is no answer to give."""
    refuse_unanswered(job)
    items = _Items(job, asked)
    said: list[Segment] = [Reasoning(text)] if (text := shown_reasoning(job)) else []
    said += [Answer(job.output)] if job.output else []
    for new in (*said, *wanted_calls(job, asked.chat.one_call)):
        list(items.add(new))
    list(items.end(is_whole=not _is_cut(job)))
    return _ended(job, asked, items.done)


def _ended(job: GenerationJob, asked: ResponsesRequest, output: list[Object]) -> Object:
    status = "incomplete" if _is_cut(job) else "completed"
    return _head(job, asked, status) | {
        "completed_at": int(job.finished_at.timestamp()) if job.finished_at else None,
        "incomplete_details": {"reason": "max_output_tokens"} if _is_cut(job) else None,
        "output": output,
        "usage": {
            "input_tokens": job.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": job.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": job.reasoning_tokens},
            "total_tokens": job.prompt_tokens + job.completion_tokens,
        },
    }


def _is_cut(job: GenerationJob) -> bool:
    return finish_reason(job) == "length"


def _head(job: GenerationJob, asked: ResponsesRequest, status: str) -> Object:
    repeated = {name: asked.given.get(name, usual) for name, usual in REPEATED.items()}
    return repeated | {
        "id": f"resp_{job.pk}",
        "object": "response",
        "created_at": int(job.created_at.timestamp()),
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": job.model_version.hosted_model_id,
        "output": [],
        "previous_response_id": None,
        "service_tier": "default",
        "store": False,
        "temperature": job.params["temperature"],
        "top_p": job.params["top_p"],
        "truncation": "disabled",
        "usage": None,
        "user": asked.given.get("user"),
    }


class ResponseEvents:
    """What to send of an answer as it grows. Each event is sent under its type."""

    has_types = True
    last = b""

    def __init__(self, job: GenerationJob, asked: ResponsesRequest) -> None:
        self._job, self._asked = job, asked
        self._growing = Growing(one_call=asked.chat.one_call)
        self._items = _Items(job, asked)
        self._number = -1

    def beginning(self) -> Iterator[Object]:
        begun = _head(self._job, self._asked, "in_progress")
        for kind in ("response.created", "response.in_progress"):
            yield self._numbered({"type": kind, "response": begun})

    def after(self, event: Object) -> Iterator[Object]:
        """Raises Refused where the answer came out differently in another attempt."""
        for new in self._growing.after(event):
            yield from map(self._numbered, self._items.add(new))

    def end(self, job: GenerationJob) -> Iterator[Object]:
        """Raises Refused where there is no answer, or another one than was sent."""
        refuse_unanswered(job)
        for new in self._growing.rest(job):
            yield from map(self._numbered, self._items.add(new))
        yield from map(self._numbered, self._items.end(is_whole=not _is_cut(job)))
        whole = _ended(job, self._asked, self._items.done)
        yield self._numbered({"type": f"response.{whole['status']}", "response": whole})

    def refused(self, refusal: Refused) -> Iterator[Object]:
        """The second is what OpenAI's clients raise."""
        error = error_of(renamed(refusal))["error"]
        failed = _head(self._job, self._asked, "failed") | {
            "error": {"code": "server_error", "message": error["message"]},
            "output": self._items.done,
        }
        yield self._numbered({"type": "response.failed", "response": failed})
        yield self._numbered({**error, "type": "error", "error": error})

    def _numbered(self, event: Object) -> Object:
        self._number += 1
        return event | {"sequence_number": self._number}


class _Items:
    """The items of an answer, one after another, as what is new is added to the one that is open."""

    def __init__(self, job: GenerationJob, asked: ResponsesRequest) -> None:
        self.done: list[Object] = []
        self._job = job
        self._call_ids = new_ids(asked.chat)
        self._open: type[Reasoning | Answer] | None = None
        self._texts: list[str] = []

    def add(self, new: Segment) -> Iterator[Object]:
        if isinstance(new, ToolCall):
            yield from self._close()
            yield from self._call(new)
            return
        if self._open is not type(new):
            yield from self._close()
            yield from self._begin(type(new))
        self._texts.append(new.text)
        yield self._at(f"response.{self._kind}.delta", delta=new.text, **self._more)

    def end(self, *, is_whole: bool) -> Iterator[Object]:
        """An answer that says nothing is an empty message. The last item of one that was cut off isn't whole."""
        if self._open is None and not self.done:
            yield from self._begin(Answer)
        yield from self._close("completed" if is_whole else "incomplete")

    def _begin(self, kind: type[Reasoning | Answer]) -> Iterator[Object]:
        self._open, self._texts = kind, []
        yield self._told("added", self._item("in_progress", []))
        yield self._at("response.content_part.added", part=self._part(""))

    def _close(self, status: str = "completed") -> Iterator[Object]:
        if self._open is None:
            return
        text = "".join(self._texts)
        part, item = self._part(text), self._item(status, [self._part(text)])
        yield self._at(f"response.{self._kind}.done", text=text, **self._more)
        yield self._at("response.content_part.done", part=part)
        yield self._told("done", item)
        self._open = None
        self.done.append(item)

    def _call(self, call: ToolCall) -> Iterator[Object]:
        item = {"id": self._id("fc"), "type": "function_call", "status": "in_progress", "name": call.name}
        item |= {"call_id": next(self._call_ids), "arguments": ""}
        at, arguments = {"item_id": item["id"], "output_index": len(self.done)}, call.arguments
        yield self._told("added", item)
        yield {"type": "response.function_call_arguments.delta", **at, "delta": arguments}
        yield {"type": "response.function_call_arguments.done", **at, "name": call.name, "arguments": arguments}
        whole = item | {"status": "completed" if call.valid else "incomplete", "arguments": arguments}
        yield self._told("done", whole)
        self.done.append(whole)

    @property
    def _kind(self) -> str:
        return "reasoning_text" if self._open is Reasoning else "output_text"

    @property
    def _more(self) -> Object:
        return {} if self._open is Reasoning else {"logprobs": []}

    def _item(self, status: str, content: list[Object]) -> Object:
        if self._open is Reasoning:
            return {"id": self._id("rs"), "type": "reasoning", "status": status, "summary": [], "content": content}
        return {
            "id": self._id("msg"), "type": "message", "status": status, "role": "assistant", "content": content
        }  # fmt: skip

    def _part(self, text: str) -> Object:
        more: Object = {} if self._open is Reasoning else {"annotations": [], "logprobs": []}
        return {"type": self._kind, "text": text} | more

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._job.pk}{len(self.done)}"

    def _told(self, what: str, item: Object) -> Object:
        return {"type": f"response.output_item.{what}", "output_index": len(self.done), "item": item}

    def _at(self, kind: str, **told: Any) -> Object:
        prefix = "rs" if self._open is Reasoning else "msg"
        place = {"item_id": self._id(prefix), "output_index": len(self.done), "content_index": 0}
        return {"type": kind, **place, **told}
