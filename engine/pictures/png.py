"""PNG: its chunks (PNG specification, third edition, W3C 2023)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from engine.pictures.kinds import Kind
from engine.pictures.parts import MAX_PROFILE, PackedText, Parts, checked_exif, checked_profile, unpacked
from engine.pictures.refusal import cut_off, damaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 20_000
DRAWS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
Chunk = tuple[bytes, bytes]
"""Type and body."""


def take_apart(data: bytes) -> Parts:
    """Raises PictureRefused. Texts stay packed; of several with one name the first counts."""
    found: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    texts: dict[str, PackedText] = {}
    for kind, body in chunks(data):
        if kind == b"IDAT":
            pixels.append(body)
        elif kind in TEXTS:
            name, text = _text(kind, body)
            texts.setdefault(name, text)
        elif found.setdefault(kind, body) is not body and kind in DRAWS:
            raise damaged("a part that must be there once is there twice")
    header = found[b"IHDR"]
    return Parts(
        Kind.PNG,
        width=int.from_bytes(header[:4]),
        height=int.from_bytes(header[4:8]),
        drawing=_drawing(found, pixels),
        is_animated=b"acTL" in found,
        profile=_profile(found.get(b"iCCP", b"")),
        exif=checked_exif(found.get(b"eXIf", b"")),
        texts=texts,
    )


def chunks(data: bytes) -> Iterator[Chunk]:
    """From IHDR to IEND; what follows is left alone. Raises PictureRefused."""
    at, count = len(SIGNATURE), 0
    while True:
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data) or len(kind) < 4:
            raise cut_off()
        body = data[at + 8 : end - 4]
        _check_chunk(kind, body, data[end - 4 : end], count)
        yield kind, body
        at, count = end, count + 1
        if kind == b"IEND":
            return


def _check_chunk(kind: bytes, body: bytes, checksum: bytes, count: int) -> None:
    if (kind == b"IHDR") != (count == 0) or (kind == b"IHDR" and len(body) != 13):
        raise damaged("its header is not where it must be")
    if count > MAX_CHUNKS:
        raise damaged(f"it has more than {MAX_CHUNKS:,} parts")
    is_needed = not kind[0] & 0x20  # a capital letter: "critical"
    if is_needed and kind not in DRAWS:
        raise damaged("it has parts that no other PNG has")
    if (is_needed or kind == b"tRNS") and zlib.crc32(kind + body).to_bytes(4) != checksum:
        raise damaged("a checksum is wrong")


def with_texts(data: bytes, texts: Sequence[Chunk]) -> bytes:
    """The same picture with these chunks after the header, and none of what it carried before."""
    head = len(SIGNATURE) + 12 + 13
    drawing = take_apart(data).drawing
    return drawing[:head] + b"".join(chunk(*text) for text in texts) + drawing[head:]


def text_chunk(name: str, text: str) -> Chunk:
    """`tEXt` where Latin-1 can hold the text, else `iTXt` in UTF-8: what Pillow does, and so what others read."""
    text = text.replace("\0", "")
    try:
        return b"tEXt", name.encode("latin-1") + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return utf8_chunk(name, text)


def utf8_chunk(name: str, text: str) -> Chunk:
    return b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", "replace")


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def _drawing(found: dict[bytes, bytes], pixels: list[bytes]) -> bytes:
    if not pixels:
        raise damaged("it has no pixels")
    before = [chunk(kind, found[kind]) for kind in (b"IHDR", b"PLTE", b"tRNS") if kind in found]
    return b"".join([SIGNATURE, *before, chunk(b"IDAT", b"".join(pixels)), chunk(b"IEND", b"")])


def _profile(body: bytes) -> bytes | None:
    _, _, packed = body.partition(b"\0")
    try:
        found = unpacked(packed[1:], MAX_PROFILE) if packed else b""
    except zlib.error:
        return None
    return checked_profile(bytes(MAX_PROFILE + 1) if found is None else found)


def _text(kind: bytes, body: bytes) -> tuple[str, PackedText]:
    name, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        return name.decode("latin-1"), PackedText(rest, False, "latin-1")
    if kind == b"zTXt":
        return name.decode("latin-1"), PackedText(rest[1:], True, "latin-1")
    fields = rest[2:].split(b"\0", 2)
    return name.decode("latin-1"), PackedText(fields[-1] if len(fields) == 3 else b"", rest[:1] == b"\1", "utf-8")
