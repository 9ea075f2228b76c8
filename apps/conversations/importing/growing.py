"""From the nodes of a file to a tree as conversations have it: questions and answers in turn, nothing in a circle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from apps.conversations.importing.parts import Node, UnreadableError
from apps.conversations.models import Message

MAX_MESSAGES = 5_000
ASSISTANT, TOOL = str(Message.Author.ASSISTANT), str(Message.Author.TOOL)


def grown(nodes: Iterable[Node], current: str | None) -> tuple[list[Node], str | None]:
    """Those that are shown, by new keys, parents before what follows them, and the last one on the way to `current`.
    What one side says twice in a row is one message, and a question at an end gets an empty answer, so that it can be
    asked again.

    Raises UnreadableError for messages that stand nowhere, and for too many.
    """
    known = {node.key: node for node in nodes}
    if len(known) > MAX_MESSAGES:
        raise UnreadableError(f"It has {len(known):,} messages; up to {MAX_MESSAGES:,} are taken.")
    order = _from_the_roots(known)
    if len(order) < len(known):
        raise UnreadableError("Some of its messages follow each other in a circle, so nothing says where they stand.")
    place: dict[str, str | None] = {}
    """By key of the file, the key of the message that tells it here."""
    told: dict[str, Node] = {}
    for node in order:
        above = place.get(node.parent or "")
        if not node.shown or not (node.text or node.tool_calls or node.stays):
            place[node.key] = above
            continue
        before = told.get(above or "")
        if before is not None and before.role == node.role and node.role != TOOL:
            told[node.key] = replace(
                node, parent=before.parent, text=f"{before.text}\n\n{node.text}".strip(), at=before.at or node.at
            )
        else:
            told[node.key] = replace(node, parent=above)
        place[node.key] = node.key
    kept = _without_beginnings(told, order, place)
    keys = {node.key: f"{number}" for number, node in enumerate(kept)}
    renamed = [replace(node, key=keys[node.key], parent=keys.get(node.parent or "")) for node in kept]
    return _answered(renamed), keys.get(place.get(current or "") or "")


def _from_the_roots(known: dict[str, Node]) -> list[Node]:
    """A parent that isn't there counts as none."""
    following = defaultdict[str | None, list[Node]](list)
    for node in known.values():
        following[node.parent if node.parent in known else None].append(node)
    found: list[Node] = []
    waiting = following[None][::-1]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += following[node.key][::-1]
    return found


def _without_beginnings(told: dict[str, Node], order: list[Node], place: dict[str, str | None]) -> list[Node]:
    """Not those that all that follows them begins with: it stands there as one message with them."""
    continued, followed = set[str](), set[str]()
    for node in order:
        above = place.get(node.parent or "")
        if node.key in told and above is not None:
            (followed if told[node.key].parent == above else continued).add(above)
    return [told[node.key] for node in order if node.key in told and node.key not in continued - followed]


def _answered(kept: list[Node]) -> list[Node]:
    parents = {node.parent for node in kept}
    open_ends = [node for node in kept if node.role != ASSISTANT and node.key not in parents]
    answers = (Node(f"{len(kept) + number}", node.key, ASSISTANT, at=node.at) for number, node in enumerate(open_ends))
    return [*kept, *answers]
