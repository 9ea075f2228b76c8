"""The parts of a completion."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Text of what the model thought before it answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Text for whoever asked."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called. Nothing here calls it."""

    name: str
    """"" where even that can't be read."""
    arguments: str
    """A JSON object as text; where `valid` is false, what the model wrote instead."""
    valid: bool


Segment = Reasoning | Answer | ToolCall
