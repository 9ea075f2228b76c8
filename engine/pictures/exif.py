"""The few tags of EXIF that are wanted, read without following anything else in it; and EXIF to write."""

from __future__ import annotations

from PIL import Image

IFD = 0x8769
ORIENTATION, DESCRIPTION, MAKE, MODEL, SOFTWARE = 0x0112, 0x010E, 0x010F, 0x0110, 0x0131
USER_COMMENT, MAKER_NOTE = 0x9286, 0x927C
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
"""Bytes per value of the types that the wanted tags have: BYTE, ASCII, SHORT, LONG, UNDEFINED."""
MAX_ENTRIES = 500  # of a directory; cameras write about fifty
ORDERS: dict[bytes, str] = {b"II*\0": "little", b"MM\0*": "big"}


def read_tags(exif: bytes | None) -> dict[int, bytes]:
    """The wanted tags with their bytes, those of the Exif part too. Empty where there are none or it is damaged."""
    if exif is None or exif[:4] not in ORDERS:
        return {}
    directory = _Directory(exif)
    found = directory.tags(directory.number(4, 4), (ORIENTATION, MAKE, MODEL, IFD))
    if IFD in found:
        found |= directory.tags(directory.value(found.pop(IFD)), (USER_COMMENT, MAKER_NOTE))
    return found


def orientation(exif: bytes | None) -> int:
    """1 (as it is) … 8."""
    tags = read_tags(exif)
    return _Directory(exif).value(tags[ORIENTATION]) if exif and ORIENTATION in tags else 1


class _Directory:
    """A TIFF structure; reads outside of it give nothing."""

    def __init__(self, exif: bytes) -> None:
        self._bytes = exif
        self._is_little = exif[:1] == b"I"

    def value(self, body: bytes) -> int:
        return int.from_bytes(body, "little" if self._is_little else "big")

    def number(self, at: int, size: int) -> int:
        return self.value(self._bytes[at : at + size])

    def tags(self, at: int, wanted: tuple[int, ...]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        end = min(at + 2 + 12 * min(self.number(at, 2), MAX_ENTRIES), len(self._bytes))
        for entry in range(at + 2, end, 12):
            tag = self.number(entry, 2)
            if tag in wanted and tag not in found:
                found[tag] = self._body(entry)
        return found

    def _body(self, entry: int) -> bytes:
        size = SIZES.get(self.number(entry + 2, 2), 0) * self.number(entry + 4, 4)
        start = entry + 8 if size <= 4 else self.number(entry + 8, 4)
        return self._bytes[start : start + size]


def user_comment(body: bytes) -> str:
    """A UserComment: eight bytes of character code, then the text (EXIF 2.32, 4.6.5)."""
    code, text = body[:8], body[8:]
    if code != b"UNICODE\0":
        return text.decode("utf-8", "replace").strip("\0")
    zeros = text[::2].count(0), text[1::2].count(0)  # the upper halves of ASCII's letters
    return text.decode("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be", "replace").strip("\0\ufeff")


def write_exif(*, software: str, comment: str, note: bytes = b"") -> bytes:
    """EXIF with a UserComment as piexif, and so AUTOMATIC1111's web UI, writes it: UTF-16, big end first."""
    exif = Image.Exif()
    exif[SOFTWARE] = software
    inner = exif.get_ifd(IFD)
    if comment:
        inner[USER_COMMENT] = b"UNICODE\0" + comment.encode("utf-16-be", "replace")
    if note:
        inner[MAKER_NOTE] = note
    return exif.tobytes()
