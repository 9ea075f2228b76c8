"""The lineage as boxes and lines: a tidy tree from left to right, computed here so that it needs no script."""

from __future__ import annotations

from dataclasses import dataclass

from apps.prompts.lineage import SHOWN, Node

WIDTH, HEIGHT = 210, 56
COLUMN, ROW = 262, 76
MARGIN = 10
TITLE_CHARS, AUTHOR_CHARS = 26, 22


@dataclass(frozen=True)
class Box:
    x: int
    y: int
    node: Node
    title: str
    author: str
    is_here: bool


@dataclass(frozen=True)
class Line:
    path: str
    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """In pixels; `left_out` counts what was too much to draw."""

    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]
    left_out: int
    box_width: int = WIDTH
    box_height: int = HEIGHT


def draw(root: Node, here: str) -> Drawing:
    """Each node one column right of its parent, beside the middle of its children."""
    boxes: dict[str, Box] = {}
    lines: list[Line] = []
    rows = 0
    left_out = 0

    def place(node: Node, depth: int) -> int | None:
        nonlocal rows, left_out
        if len(boxes) >= SHOWN:
            left_out += 1
            return None
        boxes[node.id] = _box(node, MARGIN + depth * COLUMN, 0, here)
        places = [(child, place(child, depth + 1)) for child in node.children]
        drawn = [(child, y) for child, y in places if y is not None]
        if drawn:
            y = (drawn[0][1] + drawn[-1][1]) // 2
        else:
            y = MARGIN + rows * ROW
            rows += 1
        boxes[node.id] = _box(node, MARGIN + depth * COLUMN, y, here)
        lines.extend(_line(depth, y, child_y, child) for child, child_y in drawn)
        return y

    place(root, 0)
    width = max(box.x for box in boxes.values()) + WIDTH + MARGIN
    return Drawing(width, MARGIN + rows * ROW, list(boxes.values()), lines, left_out)


def _box(node: Node, x: int, y: int, here: str) -> Box:
    if node.prompt is None:
        return Box(x, y, node, "A prompt you can’t see", "", is_here=False)
    author = str(node.prompt.author) if node.prompt.author else "someone who has left"
    return Box(x, y, node, _cut(node.prompt.title, TITLE_CHARS), _cut(author, AUTHOR_CHARS), is_here=node.id == here)


def _line(depth: int, y: int, child_y: int, child: Node) -> Line:
    start, end = MARGIN + depth * COLUMN + WIDTH, MARGIN + (depth + 1) * COLUMN
    middle = (start + end) // 2
    top, bottom = y + HEIGHT // 2, child_y + HEIGHT // 2
    path = f"M{start} {top}C{middle} {top} {middle} {bottom} {end} {bottom}"
    return Line(path, f"r{child.number}" if child.number else "", end - 22, bottom - 6)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
