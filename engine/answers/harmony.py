"""gpt-oss's channels: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>`.

The format is described at https://cookbook.openai.com/articles/openai-harmony; why we don't use its library is in
docs/decisions/0011-reasoning.md.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from engine.answers.calls import named_call, recipient_in
from engine.answers.writer import SegmentWriter

START, CHANNEL, CONSTRAIN, MESSAGE = "<|start|>", "<|channel|>", "<|constrain|>", "<|message|>"
END, RETURN, CALL = "<|end|>", "<|return|>", "<|call|>"
NAME = re.compile(r"\s*([\w-]+)")
FOR_READERS = ("final", "commentary")
"""Channels that are meant to be read. What is said in any other is reasoning: better hidden than shown by mistake."""
MAX_HEADER = 512
"""Characters. Something longer isn't a header: the model doesn't keep to the format, and its text is shown."""


class _In(Enum):
    HEADER = auto()
    REASONING = auto()
    ANSWER = auto()
    CALL = auto()


class HarmonyGrammar:
    """A completion begins inside the header that the prompt has opened with `<|start|>assistant`."""

    may_think = False
    """Every message says in its header what it is."""

    def __init__(self, writer: SegmentWriter) -> None:
        self.over = False
        self._writer = writer
        self._in = _In.HEADER
        self._header = ""
        self._announced = False
        """Whether the model itself began this header with `<|start|>`."""
        self._to = ""
        self._call: list[str] = []

    @property
    def reasoning(self) -> bool:
        return self._in is _In.REASONING

    @property
    def answers(self) -> bool:
        return self._in is _In.ANSWER

    def text(self, text: str) -> None:
        match self._in:
            case _In.HEADER:
                self._header += text
                if len(self._header) > MAX_HEADER:
                    self._begin(self._kind())
                    self.text(self._header)
            case _In.REASONING:
                self._writer.reasoning(text)
            case _In.ANSWER:
                self._writer.answer(text)
            case _In.CALL:
                self._call.append(text)

    def marker(self, marker: str) -> None:
        if marker in (START, END, RETURN, CALL):
            self._end_message()
            self._announced = marker == START
            self.over = marker in (RETURN, CALL)
        elif self._in is not _In.HEADER:
            self.text(marker)
        elif marker == MESSAGE:
            self._begin_message()
        else:
            self._header += marker

    def finish(self) -> None:
        self._writer.flush()
        self._end_message()

    def _begin_message(self) -> None:
        self._to = recipient_in(self._header.replace(CHANNEL, " ").replace(CONSTRAIN, " "))
        self._begin(_In.CALL if self._to else self._kind())

    def _kind(self) -> _In:
        named = NAME.match(self._header.rpartition(CHANNEL)[2]) if CHANNEL in self._header else None
        return _In.REASONING if named and named.group(1) not in FOR_READERS else _In.ANSWER

    def _begin(self, kind: _In) -> None:
        self._in, self._call = kind, []
        if kind is _In.ANSWER:
            self._writer.begin_answer()

    def _end_message(self) -> None:
        """Where the model doesn't speak in channels at all, what it said is its answer, not a header."""
        if self._in is _In.CALL:
            self._writer.call(named_call(self._to, "".join(self._call)))
        elif self._in is _In.REASONING:
            self._writer.end_reasoning()
        elif self._in is _In.HEADER and not self._announced and CHANNEL not in self._header:
            self._writer.begin_answer()
            self._writer.answer(self._header)
        self._in, self._header = _In.HEADER, ""
