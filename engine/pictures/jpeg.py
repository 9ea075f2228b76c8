"""JPEG: its segments (ITU-T T.81, annex B)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.pictures.kinds import Kind
from engine.pictures.parts import Parts, checked_exif, checked_profile
from engine.pictures.refusal import PictureRefused, cut_off, damaged

START_OF_SCAN, END = 0xDA, b"\xff\xd9"
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
TABLES = (0xC4, 0xDB, 0xDD)
FRAMES = tuple(marker for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))
MAX_SCANS = 100
"""A progressive picture has about ten; each may take as long as a whole picture while being a few bytes."""


def take_apart(data: bytes) -> Parts:
    """Raises PictureRefused."""
    kept: list[bytes] = [b"\xff\xd8"]
    frames: list[bytes] = []
    profile: dict[int, bytes] = {}
    exif = b""
    for marker, body, start in _segments(data):
        if marker == START_OF_SCAN:
            kept.append(_scans(data, start))
        elif marker in FRAMES:
            frames.append(_checked_frame(marker, body))
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            exif = exif or body
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile[body[12]] = body[14:]
        if marker in FRAMES or marker in TABLES or _tells_colours(marker, body):
            kept.append(data[start : start + 4] + body)
    if len(frames) != 1:
        raise damaged("it has no single header")
    return Parts(
        Kind.JPEG,
        width=int.from_bytes(frames[0][3:5]),
        height=int.from_bytes(frames[0][1:3]),
        drawing=b"".join(kept),
        profile=checked_profile(b"".join(profile[number] for number in sorted(profile))),
        exif=checked_exif(exif),
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and where the segment starts, up to the first scan."""
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data):
            raise cut_off()
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if data[at] != 0xFF or size < 2:
            raise damaged("one of its parts begins wrongly")
        end = at + 2 + size
        if end > len(data):
            raise cut_off()
        yield marker, data[at + 4 : end], at
        if marker == START_OF_SCAN:
            return
        at = end


def _scans(data: bytes, start: int) -> bytes:
    """The compressed pixels. What follows them is left out: cameras put second pictures and films there."""
    end = data.find(END, start)
    if end < 0:
        raise cut_off()
    scans = data[start : end + 2]
    if scans.count(b"\xff\xda") > MAX_SCANS:
        raise PictureRefused(f"The JPEG is built from more than {MAX_SCANS} layers. Save it again, not as progressive.")
    return scans


def _checked_frame(marker: int, body: bytes) -> bytes:
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise PictureRefused("The file is a rare kind of JPEG that can't be read here. Save it as PNG.")
    if len(body) < 6:
        raise damaged("its header is too short")
    return body


def _tells_colours(marker: int, body: bytes) -> bool:
    return (marker == 0xE0 and body.startswith(b"JFIF\0")) or (marker == 0xEE and body.startswith(b"Adobe"))
