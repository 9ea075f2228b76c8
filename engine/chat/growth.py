"""How large the texts may grow that a chat template makes, measured before they are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.utils import Namespace

MAX_OUTPUT = 1024 * 1024  # characters beyond what the messages themselves hold
MAX_PARTS = 100_000  # of a list with all that lies in it, each as often as it is there
MOST_COPIES = 8  # of all that may be written, in one list
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
    """The value itself. What holds the same list or text twice, and that another, is small in memory and has no end
    when it is written out or compared: one step of Python that no tick interrupts."""
    if not isinstance(value, COMPOSED):
        if isinstance(value, bytes | bytearray):
            raise SecurityError("it makes bytes, whose growth nobody measures")
        return value
    waiting: list[Any] = [value]
    count = characters = 0
    while waiting:
        inside = _parts(waiting.pop())
        count += len(inside)
        characters += sum(len(part) for part in inside if isinstance(part, str))
        _measure_list(count, characters)
        waiting += [part for part in inside if isinstance(part, COMPOSED)]
    return value


def gathered(value: Any) -> Any:
    """What comes one after the other, as a list: whoever reads it to its end doesn't measure it. All else itself."""
    if not isinstance(value, Iterator) or isinstance(value, LoopContext):
        return value
    found: list[Any] = []
    characters = 0
    for item in value:
        found.append(item)
        characters += len(item) if isinstance(item, str) else 0
        _measure_list(len(found), characters)
    return found


def _measure_list(count: int, characters: int) -> None:
    if count > MAX_PARTS + room() // 8:
        raise SecurityError("it makes lists that are too long")
    if characters > MOST_COPIES * room():
        raise SecurityError("it makes lists of texts that are too long")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Namespace):
        value = object.__getattribute__(value, "_Namespace__attrs")  # all that Jinja lets it say of itself
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, list | tuple) else []


def measure_product(left: Any, right: Any) -> None:
    """Squaring a whole number again and again makes one that fills the memory."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise SecurityError("it makes numbers that are too large")


def guarded(name: str, function: Callable[..., Any], tick: Callable[[], object]) -> Callable[..., Any]:
    """The filter, refusing what would grow without end. `wraps` keeps the marks by which Jinja passes it a context."""

    @wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        tick()
        args, kwargs = measured_arguments(args, kwargs)
        refuse_growth(name, (*args, *kwargs.values()))
        return measured_parts(function(*args, **kwargs))

    return measured


def measured_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same, `gathered`. No width, count or indent may be above the room: `"x".ljust(10**10)`."""
    args, kwargs = tuple(map(gathered, args)), {key: gathered(value) for key, value in kwargs.items()}
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and abs(value) > room():
            raise SecurityError("it uses a number that is too large")
    measured_parts((args, kwargs))
    return args, kwargs


def repeated(left: Any, right: Any) -> int:
    """How long `left * right` would be where one is a text or list."""
    for some, times in ((left, right), (right, left)):
        if hasattr(some, "__len__") and isinstance(times, int):
            return len(some) * times
    return 0


def refuse_growth(name: str, args: tuple[Any, ...]) -> None:
    """Replacing, joining and the like multiply lengths; both as filters, some of them after their context, and as
    methods of a text. args: those that were named too, behind the others."""
    texts = [value for value in args if isinstance(value, str)]
    match name, args:
        case "replace", _ if len(texts) >= 3:
            measure(texts[0].count(texts[1]) * len(texts[2]))
        case "join", (_, joined, *_) if hasattr(joined, "__iter__"):
            gap = max((len(text) for text in texts if text is not joined), default=0)
            measure(sum(len(str(item)) + gap for item in joined))
        case "translate", (str() as text, dict() | list() | tuple() as table):
            longest = max((len(each) for each in _parts(table) if isinstance(each, str)), default=0)
            measure(len(text) * longest)
        case "expandtabs" | "indent", (str() as text, *widths):
            measure((len(text.splitlines()) + text.count("\t")) * _longest(widths))
        case "format", (str() as form, *values):
            widths = [int(digits[:9]) for digits in re.findall(r"\d+", form)]
            measure(len(form) + form.count("{") * _longest([*values, *widths]))
        case "sum", (_, _, *rest) if any(isinstance(start, list | tuple) for start in rest):
            raise SecurityError("it adds lists to each other one by one")


def _longest(values: Iterable[Any]) -> int:
    """Of texts and other things as they are written, and of widths."""
    return max((value if isinstance(value, int) else len(str(value)) for value in values), default=0)
