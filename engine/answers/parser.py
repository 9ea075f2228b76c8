"""The parser of a completion: a grammar of one family behind a spotter of marks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from engine.answers.formats import FORMATS, AnswerFormat, Tools
from engine.answers.harmony import HarmonyGrammar
from engine.answers.segments import Segment
from engine.answers.spotter import Piece, Spotter
from engine.answers.thinking import ThinkingGrammar
from engine.answers.writer import SegmentWriter


class Grammar(Protocol):
    """Turns text and marks into what its writer collects."""

    @property
    def reasoning(self) -> bool:
        """Whether the next text would be reasoning."""
        ...

    @property
    def answers(self) -> bool:
        """Whether the next text would be the answer."""
        ...

    @property
    def may_think(self) -> bool:
        """Whether reasoning may begin here, with the mark for that."""
        ...

    @property
    def over(self) -> bool:
        """Whether the model has said that its turn ends here."""
        ...

    def text(self, text: str) -> None: ...
    def marker(self, marker: str) -> None: ...
    def finish(self) -> None: ...


class AnswerParser:
    """Text in pieces of any size, and marks that are tokens of their own; the segments never depend on the pieces."""

    def __init__(self, grammar: Grammar, writer: SegmentWriter, spelled: Collection[str]) -> None:
        self._grammar = grammar
        self._writer = writer
        self._spotter = Spotter(spelled)

    @property
    def reasoning(self) -> bool:
        return self._grammar.reasoning

    @property
    def answers(self) -> bool:
        return self._grammar.answers

    @property
    def may_think(self) -> bool:
        return self._grammar.may_think

    @property
    def over(self) -> bool:
        return self._grammar.over

    def feed(self, text: str) -> list[Segment]:
        return self._take(self._spotter.push(text))

    def marker(self, marker: str) -> list[Segment]:
        """A mark that came as a token of its own: nobody can have spelled it out."""
        return self._take([*self._spotter.finish(), Piece(marker, True)])

    def finish(self) -> list[Segment]:
        """The rest. An unfinished mark is text; an unfinished tool call is one that can't be read."""
        self._pass_on(self._spotter.finish())
        self._grammar.finish()
        return self._writer.take()

    def _take(self, pieces: list[Piece]) -> list[Segment]:
        self._pass_on(pieces)
        return self._writer.take()

    def _pass_on(self, pieces: list[Piece]) -> None:
        for text, is_marker in pieces:
            if is_marker:
                self._grammar.marker(text)
            else:
                self._grammar.text(text)


def parser_for(name: str, *, opened: bool = False, tokens: Collection[str] = ()) -> AnswerParser:
    """A parser for one completion in the format with this name; an unknown one is a KeyError.

    opened: the prompt ends inside the reasoning (`<think>` was the template's). tokens: the marks that come through
    `marker`, because the tokenizer has a token for each; only the others are looked for in the text, so that a model
    that is made to spell a mark out doesn't end its reasoning with it.
    """
    found, writer = FORMATS[name], SegmentWriter()
    return AnswerParser(_grammar(found, writer, opened), writer, found.markers - set(tokens))


def _grammar(found: AnswerFormat, writer: SegmentWriter, opened: bool) -> Grammar:
    if found.tools == Tools.HARMONY:
        return HarmonyGrammar(writer)
    return ThinkingGrammar(found, writer, opened=opened)
