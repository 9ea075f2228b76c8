"""How large the texts may grow that a chat template makes, measured before they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.utils import Namespace

MAX_OUTPUT = 1024 * 1024  # characters beyond what the messages themselves hold
MAX_PARTS = 100_000  # of a list with all that lies in it, each as often as it is there
MAX_BITS = 4_096  # of a whole number
COMPOSED = (list, tuple, dict, Namespace)
_room: ContextVar[int] = ContextVar("room", default=MAX_OUTPUT)


@contextmanager
def making_room(characters: int) -> Iterator[None]:
    """Inside, no text may be longer than this."""
    before = _room.set(characters)
    try:
        yield
    finally:
        _room.reset(before)


def room() -> int:
    """Characters that the current rendering may have."""
    return _room.get()


def measure(size: int) -> None:
    if size > room():
        raise SecurityError("it makes texts that are too long")


def measured_parts(value: Any) -> Any:
    """The value itself. What holds the same list twice, and that another, is small in memory and has no end when it is
    written out or compared: one step of Python that no tick interrupts."""
    waiting: list[Any] = [value]
    count = 0
    while waiting:
        inside = _parts(waiting.pop())
        count += len(inside)
        if count > MAX_PARTS + room() // 8:
            raise SecurityError("it makes lists that are too long")
        waiting += [part for part in inside if isinstance(part, COMPOSED)]
    return value


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Namespace):
        value = object.__getattribute__(value, "_Namespace__attrs")  # all that Jinja lets it say of itself
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list | tuple) else []


def measure_product(left: Any, right: Any) -> None:
    """Squaring a whole number again and again makes one that fills the memory."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise SecurityError("it makes numbers that are too large")


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing what would grow without end. `wraps` keeps the marks by which Jinja passes it a context."""

    @wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        refuse_wide(args, kwargs)
        refuse_growth(name, args)
        measured_parts(args)
        return measured_parts(function(*args, **kwargs))

    return measured


def repeated(left: Any, right: Any) -> int:
    """How long `left * right` would be where one is a text or list."""
    for some, times in ((left, right), (right, left)):
        if hasattr(some, "__len__") and isinstance(times, int):
            return len(some) * times
    return 0


def refuse_wide(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """No width, count or indent above the room: `"x".ljust(10**10)`."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and abs(value) > room():
            raise SecurityError("it uses a number that is too large")


def refuse_growth(name: str, args: tuple[Any, ...]) -> None:
    """Replacing and joining multiply lengths; both as filters (after their context) and as methods of a text."""
    if name == "replace" and len(args) >= 3:
        texts = [value for value in args if isinstance(value, str)][:3]
        if len(texts) == 3:
            measure(texts[0].count(texts[1]) * len(texts[2]))
    elif name == "join":
        lists = [value for value in args if isinstance(value, list | tuple)]
        gap = max((len(value) for value in args if isinstance(value, str)), default=0)
        measure(sum(len(str(item)) + gap for item in (lists[0] if lists else ())))
    elif name == "translate" and len(args) == 2 and isinstance(args[1], dict):
        measure(len(args[0]) * max((len(text) for text in args[1].values() if isinstance(text, str)), default=0))
    elif name == "expandtabs" and len(args) == 2 and isinstance(args[1], int):
        measure(args[0].count("\t") * args[1])
