"""How was this picture made? Read from what its file carries, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable

from engine.pictures import a1111, comfyui, invokeai, own
from engine.pictures.exif import MAKE, MAKER_NOTE, MODEL, USER_COMMENT, read_tags, user_comment
from engine.pictures.parts import Parts
from engine.pictures.recovered import Recovered
from engine.pictures.refusal import LIMITS, Limits
from engine.pictures.taking import take_apart

MAX_RECORD = 1_000_000  # bytes; ComfyUI's graphs are the longest, some hundred thousand
READERS: dict[str, Callable[[str], Recovered | None]] = {
    own.NAME: own.read, "parameters": a1111.read, "invokeai_metadata": invokeai.read, "prompt": comfyui.read,
}  # fmt: skip
"""By the name of a text in a PNG; the most exact first."""


def recover(data: bytes, *, limits: Limits = LIMITS) -> Recovered | None:
    """None where nothing known is told. Raises PictureRefused for what is no PNG, JPEG or WebP, or damaged."""
    records = _records(take_apart(data, limits=limits))
    found = (reader(records[name]) for name, reader in READERS.items() if name in records)
    return next((some for some in found if some is not None), None)


def _records(parts: Parts) -> dict[str, str]:
    """By the names that a PNG gives them. In EXIF they have other places."""
    read = {name: parts.texts[name].read(MAX_RECORD) for name in READERS if name in parts.texts}
    records = {name: text for name, text in read.items() if text is not None}
    tags = read_tags(parts.exif)
    if MAKER_NOTE in tags and tags[MAKER_NOTE].startswith(b"{"):
        records.setdefault(own.NAME, tags[MAKER_NOTE].decode("utf-8", "replace"))
    if USER_COMMENT in tags:
        records.setdefault("parameters", user_comment(tags[USER_COMMENT]))
    for tag in (MAKE, MODEL):
        _, is_graph, graph = tags.get(tag, b"").partition(b"prompt:")
        if is_graph:
            records.setdefault("prompt", graph.decode("utf-8", "replace").strip("\0"))
    return records
