"""`<think>…</think>`, then the answer with its tool calls: DeepSeek-R1 and V3, Qwen2 and Qwen3, and their kin."""

from __future__ import annotations

from enum import Enum, auto

from engine.answers.calls import deepseek_call, hermes_call
from engine.answers.formats import THINK, THOUGHT, AnswerFormat
from engine.answers.segments import ToolCall
from engine.answers.writer import SegmentWriter

CALL_BEGINS = ("<tool_call>", "<｜tool▁call▁begin｜>")
CALL_ENDS = ("</tool_call>", "<｜tool▁call▁end｜>")
AROUND_CALLS = ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")
SEPARATOR = "<｜tool▁sep｜>"


class _At(Enum):
    START = auto()
    """Nothing but space so far: reasoning may begin here, and only here."""
    REASONING = auto()
    ANSWER = auto()
    CALL = auto()


class ThinkingGrammar:
    """Marks in a place where they mean nothing are text: a second `<think>`, a `</think>` inside the answer."""

    over = False

    def __init__(self, found: AnswerFormat, writer: SegmentWriter, *, opened: bool) -> None:
        self._writer = writer
        self._at = _At.REASONING if opened and found.thinks else _At.START if found.thinks else _At.ANSWER
        self._space = ""
        """What was written at the start, until it is known what begins there."""
        self._call: list[str] = []
        self._parts: list[list[str]] = []

    @property
    def reasoning(self) -> bool:
        return self._at is _At.REASONING

    @property
    def answers(self) -> bool:
        return self._at in (_At.START, _At.ANSWER)

    @property
    def may_think(self) -> bool:
        return self._at is _At.START

    def text(self, text: str) -> None:
        if self._at is _At.START:
            self._space += text
            if not text.strip():
                return
            self._at, text = _At.ANSWER, self._space
        match self._at:
            case _At.REASONING:
                self._writer.reasoning(text)
            case _At.ANSWER:
                self._writer.answer(text)
            case _At.CALL:
                self._call.append(text)

    def marker(self, marker: str) -> None:
        if self._at is _At.CALL:
            self._inside_call(marker)
        elif self._at is _At.REASONING:
            if marker == THOUGHT:
                self._at = _At.ANSWER
                self._writer.end_reasoning()
                self._writer.begin_answer()
            else:
                self._writer.reasoning(marker)
        elif marker == THINK and self._at is _At.START:
            self._at = _At.REASONING
        elif marker in CALL_BEGINS:
            self._at, self._call, self._parts = _At.CALL, [], []
        elif marker not in AROUND_CALLS:
            self.text(marker)

    def finish(self) -> None:
        if self._at is _At.CALL:
            self._end_call()
        self._writer.flush()

    def _inside_call(self, marker: str) -> None:
        if marker == SEPARATOR and not self._parts:
            self._parts.append(self._call)
            self._call = []
        elif marker in CALL_ENDS:
            self._end_call()
        else:
            self._call.append(marker)

    def _end_call(self) -> None:
        self._at = _At.ANSWER
        self._writer.call(self._read())
        self._writer.begin_answer()

    def _read(self) -> ToolCall:
        written = "".join(self._call)
        return deepseek_call("".join(self._parts[0]), written) if self._parts else hermes_call(written)
