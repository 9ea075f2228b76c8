"""WebP: its RIFF chunks (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.pictures.kinds import Kind
from engine.pictures.parts import Parts, checked_exif, checked_profile
from engine.pictures.refusal import cut_off, damaged

MAX_CHUNKS = 1_000
HAS_ALPHA = 0x10
FRAMES = (b"VP8 ", b"VP8L")


def take_apart(data: bytes) -> Parts:
    """Raises PictureRefused."""
    found: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        found.setdefault(kind, body)
    frame = next((kind for kind in FRAMES if kind in found), None)
    is_animated = b"ANIM" in found or b"ANMF" in found
    if frame is None and not is_animated:
        raise damaged("it has no pixels")
    width, height = _sides(found, frame)
    return Parts(
        Kind.WEBP,
        width=width,
        height=height,
        drawing=_drawing(found, frame) if frame else b"",
        is_animated=is_animated,
        profile=checked_profile(found.get(b"ICCP")),
        exif=checked_exif(found.get(b"EXIF", b"")),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    whole = 8 + int.from_bytes(data[4:8], "little")
    if whole > len(data):
        raise cut_off()
    at, count = 12, 0
    while at + 8 <= whole:
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > whole:
            raise cut_off()
        if count == MAX_CHUNKS:
            raise damaged(f"it has more than {MAX_CHUNKS:,} parts")
        yield kind, data[at + 8 : at + 8 + size]
        at, count = at + 8 + size + size % 2, count + 1


def _sides(found: dict[bytes, bytes], frame: bytes | None) -> tuple[int, int]:
    """Those of the canvas and of the picture on it, which must be the same."""
    canvas = found.get(b"VP8X")
    of_canvas = _of_canvas(canvas) if canvas is not None else None
    of_frame = _of_frame(frame, found[frame]) if frame else of_canvas
    if of_frame is None or (of_canvas is not None and of_canvas != of_frame):
        raise damaged("its header contradicts itself")
    return of_frame


def _of_canvas(body: bytes) -> tuple[int, int]:
    if len(body) < 10:
        raise damaged("its header is too short")
    return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1


def _of_frame(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise damaged("its header is too short")


def _drawing(found: dict[bytes, bytes], frame: bytes) -> bytes:
    canvas, alpha = found.get(b"VP8X"), found.get(b"ALPH")
    parts = [] if canvas is None else [_chunk(b"VP8X", bytes([canvas[0] & HAS_ALPHA]) + canvas[1:10])]
    if canvas is not None and alpha is not None and frame == b"VP8 ":
        parts.append(_chunk(b"ALPH", alpha))
    body = b"".join([b"WEBP", *parts, _chunk(frame, found[frame])])
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
