"""What a file is read into, and the careful readers of its values: whoever wrote it may have meant harm."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apps.conversations.inputs import UNSTORABLE
from apps.conversations.models import MAX_LABEL_CHARS

JSON = dict[str, Any]
FIRST = datetime(1990, 1, 1, tzinfo=UTC)
MAX_TEXT_CHARS = 400_000
"""Of one message: four times what may be sent at once, for answers are longer than questions."""
REPLACEMENT = "\ufffd"
PER_SECOND = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which number on a time is told in nanoseconds, microseconds or milliseconds."""


class UnreadableError(ValueError):
    """A sentence about what is wrong with an entry of a file, or with the file."""


@dataclass
class Node:
    """A message as the file has it. One that isn't `shown` is left out, and what follows it follows its parent.

    `role` is one of Message.Author; `label` says who it is from, a model or a person, as the file calls them.
    """

    key: str
    parent: str | None
    role: str = ""
    text: str = ""
    label: str = ""
    at: datetime | None = None
    shown: bool = True
    stays: bool = False
    """Also where it says nothing."""
    tool_calls: list[JSON] = field(default_factory=list)
    tool_name: str = ""


@dataclass
class Found:
    """One conversation of a file. `number` counts from 1; with a `problem`, a sentence, it can't be imported."""

    number: int
    title: str
    form: str
    origin: str = ""
    """What the export calls it by, if anything."""
    nodes: list[Node] = field(default_factory=list)
    """Parents before what follows them, alternatives in their order."""
    current: str | None = None
    """The key of the message at which its reader was."""
    last: str = ""
    """Of our own exports: the id that their last message had."""
    model: str = ""
    system_prompt: str = ""
    params: JSON = field(default_factory=dict)
    at: datetime | None = None
    problem: str = ""

    @property
    def branches(self) -> int:
        """Ends of the tree."""
        parents = {node.parent for node in self.nodes}
        return sum(node.key not in parents for node in self.nodes)

    @property
    def source(self) -> str:
        """The same for a later export of the same conversation, if that has an id."""
        return _digest([self.form, self.origin])

    @property
    def content(self) -> str:
        """The same where as much was said: neither its title nor who said it counts."""
        said = ([node.parent, node.role, node.text, node.tool_name, node.tool_calls] for node in self.nodes)
        return _digest(list(said))


def _digest(told: list[Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def text_of(value: object) -> str:
    """Text that can be stored; "" for what isn't any. Raises UnreadableError where it is too long."""
    if not isinstance(value, str):
        return ""
    if len(value) > MAX_TEXT_CHARS:
        raise UnreadableError(f"One of its messages has {len(value):,} characters; up to {MAX_TEXT_CHARS:,} are taken.")
    return UNSTORABLE.sub(REPLACEMENT, value).strip()


def name_of(value: object, most: int = MAX_LABEL_CHARS) -> str:
    """In one line."""
    return " ".join(re.split(r"\s+", text_of(value)[: most * 4])).strip()[:most].strip() if value else ""


def key_of(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def time_of(value: object) -> datetime | None:
    """From seconds since 1970 (or smaller units, where the number is too large for those), or ISO 8601; None for what
    is no time at which somebody can have written."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = next((value / unit for least, unit in PER_SECOND if value >= least), float(value))
            found = datetime.fromtimestamp(seconds, UTC)
        else:
            return None
        return found if FIRST <= found <= datetime.now(UTC) else None
    except (ValueError, OverflowError, OSError):
        return None


def mapping(value: object) -> Mapping[str, Any]:
    """The same where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """Those of a list that are objects."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def in_order(nodes: Iterable[Node], children: Iterable[object]) -> list[Node]:
    """Alternatives as their parents name them, in one list for each; what nobody names stays where it is."""
    lists = (each for each in children if isinstance(each, list))
    places = {key: place for each in lists for place, key in enumerate(each) if isinstance(key, str)}
    return sorted(nodes, key=lambda node: places.get(node.key, 0))
