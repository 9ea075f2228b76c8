"""What loads have in common, whatever is loaded. Imports no torch."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


class LoadFailed(Exception):
    """The folder can't be served; the message is a sentence a person can act on."""


def at_once(loading: Generator[object, None, T]) -> T:
    """What it returns, without other work between its pieces."""
    while True:
        try:
            next(loading)
        except StopIteration as done:
            found: T = done.value
            return found
