"""Collects the segments of a parser: ends trimmed, paragraphs kept apart, nothing else changed."""

from __future__ import annotations

from engine.answers.segments import Answer, Reasoning, Segment, ToolCall

GAP = "\n\n"
"""Between two stretches of the same kind: two analysis messages, the words before a tool call and those after it."""


class _Stretch:
    """Text of one kind. While it is `fresh`, space is dropped; with `trims_end` space is held back, since it may turn
    out to be the end."""

    def __init__(self, *, fresh: bool, trims_end: bool) -> None:
        self._fresh = fresh
        self._trims_end = trims_end
        self._held = ""
        self._said = False

    def begin(self) -> None:
        self._fresh, self._held = True, ""

    def add(self, text: str) -> str:
        if self._fresh:
            text = text.lstrip()
            if not text:
                return ""
            text = (GAP if self._said else "") + text
            self._fresh = False
        self._said = self._said or bool(text.strip())
        text = self._held + text
        kept = text.rstrip() if self._trims_end else text
        self._held = text[len(kept) :]
        return kept

    def rest(self) -> str:
        held, self._held = self._held, ""
        return held


class SegmentWriter:
    """`take` gives what was written since the last time, neighbouring text of one kind in one piece."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._reasoning = _Stretch(fresh=True, trims_end=True)
        self._answer = _Stretch(fresh=False, trims_end=False)

    def end_reasoning(self) -> None:
        """Space at its end is dropped."""
        self._reasoning.begin()

    def begin_answer(self) -> None:
        self._answer.begin()

    def reasoning(self, text: str) -> None:
        self._add(Reasoning, self._reasoning.add(text))

    def answer(self, text: str) -> None:
        self._add(Answer, self._answer.add(text))

    def call(self, call: ToolCall) -> None:
        self._segments.append(call)

    def flush(self) -> None:
        """The end, in the middle of reasoning: space that was held back belongs to it after all."""
        self._add(Reasoning, self._reasoning.rest())

    def take(self) -> list[Segment]:
        taken, self._segments = self._segments, []
        return taken

    def _add(self, kind: type[Reasoning | Answer], text: str) -> None:
        if not text:
            return
        last = self._segments[-1] if self._segments else None
        if isinstance(last, kind):
            self._segments[-1] = kind(last.text + text)
        else:
            self._segments.append(kind(text))
