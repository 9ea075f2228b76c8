"""What is new in an answer as it grows, for programs, from which nothing that was sent can be taken back.

Where a worker was lost and another one begins again, its words must be those that were sent already (they are, with the
same seed, nearly always).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.generations.said import shown_reasoning
from engine.answers import Answer, Reasoning, Segment, ToolCall

Object = dict[str, Any]
ANOTHER = (
    "The worker of this answer was lost, and the next one began it with other words than those that were sent already. "
    "Ask again."
)


class Growing:
    """Work and memory grow with the answer: each text is looked at once in every attempt."""

    def __init__(self, *, one_call: bool = False) -> None:
        """one_call: those behind the first are as if the model had stopped there."""
        self._text, self._reasoning = _Text(), _Text()
        self._calls: list[ToolCall] = []
        self._called = 0
        """By this attempt."""
        self._most = 1 if one_call else None

    def after(self, event: Object) -> Iterator[Segment]:
        """What an event of the socket protocol adds; one that doesn't follow on what there is adds nothing. Raises
        Refused where the answer came out differently in another attempt."""
        match event:
            case {"kind": "text", "offset": offset, "text": new}:
                yield from _answered(self._text.add(offset, new))
            case {"kind": "reasoning", "offset": offset, "text": new}:
                yield from _thought(self._reasoning.add(offset, new))
            case {"kind": "tool_call", "index": index} if index == self._called:
                yield from self._call(event)
            case {"kind": "snapshot", "text": text}:
                yield from self._whole(text, event.get("reasoning", ""), event.get("tool_calls", ()))
            case {"kind": "reset"}:
                yield from self._whole("", "", ())

    def rest(self, job: GenerationJob) -> Iterator[Segment]:
        """Of a job that has ended, with what no event told. Raises Refused where it is another answer than was sent."""
        yield from self._whole(job.output, shown_reasoning(job), job.tool_calls)
        # Thoughts may be hidden since they were sent.
        if not self._text.is_all_sent or len(self._calls) != len(job.tool_calls[: self._most]):
            raise _another()

    def _whole(self, text: str, reasoning: str, calls: Any) -> Iterator[Segment]:
        self._called = 0
        yield from _thought(self._reasoning.replace(reasoning))
        yield from _answered(self._text.replace(text))
        for call in calls:
            yield from self._call(call)

    def _call(self, told: Object) -> Iterator[Segment]:
        call, place = ToolCall(told["name"], told["arguments"], told["valid"]), self._called
        self._called += 1
        if self._most is not None and place >= self._most:
            return
        if place < len(self._calls):
            if self._calls[place] != call:
                raise _another()
            return
        self._calls.append(call)
        yield call


class _Text:
    """What was sent of one text, and how far the attempt of now has come in it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._sent = ""
        """The pieces, put together when it was last said again."""
        self._length = 0
        self._said = 0

    @property
    def is_all_sent(self) -> bool:
        """Whether no more was sent than this attempt has said."""
        return self._said == self._length

    def add(self, offset: int, new: str) -> str:
        """What of `new` wasn't sent yet. Raises Refused."""
        if offset != self._said:
            return ""
        known = self._length - offset
        if known:
            self._refuse_other(new[:known])
        self._said += len(new)
        new = new[known:]
        if new:
            self._pieces.append(new)
            self._length += len(new)
        return new

    def replace(self, text: str) -> str:
        """As `add`, of all that was said by this attempt."""
        self._sent = "".join((self._sent, *self._pieces))
        self._pieces, self._said = [], 0
        return self.add(0, text)

    def _refuse_other(self, again: str) -> None:
        if not self._sent.startswith(again, self._said):
            raise _another()


def _answered(new: str) -> Iterator[Segment]:
    return iter([Answer(new)] if new else [])


def _thought(new: str) -> Iterator[Segment]:
    return iter([Reasoning(new)] if new else [])


def _another() -> Refused:
    return Refused(status=500, code="restarted", message=ANOTHER)
