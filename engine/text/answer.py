"""From tokens to the parts of a completion that can be told at once: reasoning, answer, tool calls."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer

from engine.answers import FORMATS, Answer, Segment, parser_for
from engine.answers.formats import THINK
from engine.text.detokenizer import Detokenizer, StopStrings

TAIL = 16
"""Tokens at the end of a prompt that are looked at: `<think>`, perhaps spelled out, and the space behind it."""


class AnswerStream:
    """Tokens in, segments to deliver out. Stop strings count in the answer only: a model may think of them.

    Marks of the format that are tokens of their own reach the parser as such; other control tokens are left out.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str], answer_format: str, prompt: Sequence[int]) -> None:
        known = tokenizer.get_added_tokens_decoder()
        wanted = FORMATS[answer_format].markers
        self._marks = {token: added.content for token, added in known.items() if added.content in wanted}
        opened = _opens(list(prompt[-TAIL:]), self._marks, tokenizer)
        self._parser = parser_for(answer_format, opened=opened, tokens=self._marks.values())
        self._before_answer = FORMATS[answer_format].before_answer
        self._tokenizer = tokenizer
        self._detokenizer = Detokenizer(tokenizer)
        self._stops = StopStrings(stops)
        self._only_marks_tell = not stops and wanted <= set(self._marks.values())
        """Whether nothing but tokens that are marks decides where a part begins or ends."""
        self.reasoning = False
        """Whether the last token belongs to the reasoning, the marks around it included."""
        self.told = False
        """Whether the last token belongs to the answer's text: neither a mark, nor part of a tool call."""

    @property
    def answers(self) -> bool:
        """Whether the next token belongs to the answer, or to the mark where reasoning begins instead."""
        return self._parser.answers

    @property
    def thinks(self) -> bool:
        """Whether the next token belongs to the reasoning, or to the mark that ends it."""
        return self._parser.reasoning

    @property
    def opening(self) -> int | None:
        """The token that would begin the reasoning here, if there is one."""
        return self._token_of(THINK) if self._parser.may_think else None

    @property
    def tells_answer(self) -> bool:
        """Whether it is known between two tokens where the answer begins: it has, or the mark is one token."""
        return self.answers or self._token_of(self._before_answer) is not None

    def _token_of(self, mark: str) -> int | None:
        return next((token for token, content in self._marks.items() if content == mark), None)

    @property
    def stopped(self) -> bool:
        """A stop string came, or the model has said that its turn is over."""
        return self._stops.found or self._parser.over

    def push_all(self, tokens: Sequence[int]) -> list[Segment]:
        """Several at once, which it `takes_together`."""
        segments = self._parser.feed(self._detokenizer.push(*tokens))
        self.reasoning = self._parser.reasoning
        return self._until_stop(segments)

    def takes_together(self, tokens: Sequence[int]) -> bool:
        """Whether these, perhaps behind others that it took so, may be pushed together: all belong to one part, the
        reasoning or the answer, and end nothing."""
        in_a_part = self._parser.reasoning or self._parser.answers
        return self._only_marks_tell and in_a_part and not any(token in self._marks for token in tokens)

    def push(self, token: int) -> list[Segment]:
        before, answered = self._parser.reasoning, self._parser.answers
        if token in self._marks:
            segments = self._parser.feed(self._detokenizer.finish()) + self._parser.marker(self._marks[token])
            self._detokenizer = Detokenizer(self._tokenizer)
        else:
            segments = self._parser.feed(self._detokenizer.push(token))
        self.reasoning = before or self._parser.reasoning
        self.told = answered and self._parser.answers and token not in self._marks
        return self._until_stop(segments)

    def finish(self) -> list[Segment]:
        """The rest. It may still complete a stop string; then `stopped` says so."""
        segments = self._parser.feed(self._detokenizer.finish()) + self._parser.finish()
        kept = self._until_stop(segments)
        rest = self._stops.finish()
        return [*kept, Answer(rest)] if rest else kept

    def _until_stop(self, segments: list[Segment]) -> list[Segment]:
        kept: list[Segment] = []
        for segment in segments:
            if self._stops.found:
                break
            shown = self._stops.push(segment.text) if isinstance(segment, Answer) else self._stops.finish()
            if shown:
                kept.append(Answer(shown))
            if not isinstance(segment, Answer):
                kept.append(segment)
        return kept


def _opens(tail: list[int], marks: dict[int, str], tokenizer: Tokenizer) -> bool:
    """Whether the prompt ends inside the reasoning: the template wrote `<think>` and nothing but space behind it."""
    for at in range(len(tail) - 1, -1, -1):
        if tail[at] in marks:
            return marks[tail[at]] == THINK and not tokenizer.decode(tail[at + 1 :]).strip()
    return THINK not in marks.values() and tokenizer.decode(tail).rstrip().endswith(THINK)
