"""What the model reads: the prompt of a picture, and the places of pictures in a question.

As transformers' JanusProcessor does it: the tokenizer's opening token, the chat, and for a picture to be drawn the
token that begins one; each picture to be read stands between the tokens that begin and end one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.chat import ChatFormat


@dataclass(frozen=True, slots=True)
class Marks:
    """Ids of the tokens that mean something."""

    bos: int
    pad: int
    image: int
    """Stands for a picture in a question; many of them, for the picture's own tokens."""
    begin: int
    end: int


class BadPrompt(ValueError):
    """The model can't read this; the message is a whole sentence."""


def drawing_prompt(chat: ChatFormat, marks: Marks, text: str, most: int) -> list[int]:
    """most: how many tokens it may have. Raises ChatError, BadPrompt."""
    prompt = [marks.bos, *chat.encode([{"role": "user", "content": text}]), marks.begin]
    if len(prompt) > most:
        raise BadPrompt(f"The prompt is {len(prompt)} tokens long, and this model draws from up to {most}. Shorten it.")
    return prompt


def without_prompt(prompt: Sequence[int], marks: Marks) -> list[int]:
    """The row that the other one is led away from."""
    return [token if token in (marks.bos, marks.begin) else marks.pad for token in prompt]


def picture_length(tokens: int) -> int:
    """How many a picture of so many tokens takes in a prompt, with those that begin and end it."""
    return tokens + 2


def with_places(prompt: Sequence[int], pictures: int, marks: Marks, tokens: int) -> tuple[int, ...]:
    """Each placeholder widened to a picture's tokens. Raises BadPrompt."""
    places = prompt.count(marks.image)
    if places != pictures:
        raise BadPrompt(f"The prompt has places for {places} pictures, and {pictures} came with it.")
    picture = (marks.begin, *[marks.image] * tokens, marks.end)
    return tuple(one for token in prompt for one in (picture if token == marks.image else (token,)))
