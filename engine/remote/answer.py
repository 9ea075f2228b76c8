"""The text of an upstream, where the marks of reasoning and tool calls may still stand in it."""

from __future__ import annotations

from engine.answers import FORMATS, Reasoning, Segment, parser_for
from engine.answers.formats import PLAIN


class AnswerText:
    """Text in pieces as they come, segments out. Marks have no tokens here: they are looked for in the text."""

    def __init__(self, answer_format: str, *, opens_reasoning: bool) -> None:
        """opens_reasoning: the server's chat template ends inside the reasoning."""
        self._format = answer_format if FORMATS[answer_format].in_text else PLAIN
        self._parser = parser_for(self._format, opened=opens_reasoning)
        self._began = False
        self.reasoning = False
        """Whether the last piece belongs to the reasoning, the marks around it included."""

    def push(self, text: str) -> list[Segment]:
        self._began = self._began or bool(text.strip())
        before = self._parser.reasoning
        segments = self._parser.feed(text)
        thought = any(isinstance(segment, Reasoning) for segment in segments)
        self.reasoning = before or thought or self._parser.reasoning
        return segments

    def told_apart(self) -> None:
        """The server tells reasoning in a field of its own: then its text begins with the answer."""
        if not self._began:
            self._parser = parser_for(self._format)

    def finish(self) -> list[Segment]:
        """What was held back: it may have become a mark."""
        return self._parser.finish()
