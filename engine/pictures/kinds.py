"""What a file is, by its first bytes: a name and a declared type may lie, so they only have to agree."""

from __future__ import annotations

import mimetypes
from enum import StrEnum
from pathlib import PurePosixPath

from engine.pictures.refusal import PictureRefused


class Kind(StrEnum):
    """What is read and written. The value is Pillow's name of it."""

    PNG = "PNG"
    JPEG = "JPEG"
    WEBP = "WEBP"

    @property
    def media_type(self) -> str:
        return f"image/{self.value.lower()}"

    @property
    def extension(self) -> str:
        return {"JPEG": ".jpg"}.get(self.value, f".{self.value.lower()}")


EXTENSIONS = {".png": Kind.PNG, ".jpg": Kind.JPEG, ".jpeg": Kind.JPEG, ".jfif": Kind.JPEG, ".webp": Kind.WEBP}
DECLARED = {
    "image/png": Kind.PNG, "image/apng": Kind.PNG, "image/jpeg": Kind.JPEG, "image/jpg": Kind.JPEG,
    "image/pjpeg": Kind.JPEG, "image/webp": Kind.WEBP,
}  # fmt: skip
UNKNOWING = ("", "application/octet-stream", "binary/octet-stream")
"""What is declared where nobody knows."""
OTHERS = {
    b"GIF8": "a GIF", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"BM": "a BMP", b"%PDF": "a PDF",
    b"8BPS": "a Photoshop file", b"\0\0\1\0": "an icon", b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL", b"\0\0\0\x0cjP  ": "a JPEG 2000", b"PK\3\4": "a ZIP archive or office document",
}  # fmt: skip
PHOTOS = {b"heic": "a HEIC photo", b"heix": "a HEIC photo", b"mif1": "a HEIC photo", b"msf1": "a HEIC photo",
          b"avif": "an AVIF picture", b"avis": "an AVIF picture"}  # fmt: skip
"""By the brand in an ISO media file; other brands are films."""
ADVICE = "Save it as PNG, JPEG or WebP and choose that file."
BEGINNING = 2_048  # bytes looked at


def kind_of(data: bytes, *, name: str = "", declared: str = "") -> Kind:
    """Raises PictureRefused where it is something else, or where name or declared media type say something else."""
    kind = _by_content(data)
    if kind is None:
        raise PictureRefused(f"This is {_what(data[:BEGINNING])}, not a picture that can be used. {ADVICE}")
    extension = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if not _may_be_called(extension, kind):
        raise PictureRefused(
            f"The file's name ends in “{extension[:20]}”, but it is a {kind.value}. "
            f"Let the name end in “{kind.extension}” and choose it again."
        )
    media_type = declared.split(";")[0].strip().lower()
    if media_type not in UNKNOWING and DECLARED.get(media_type) is not kind:
        raise PictureRefused(f"The file was sent as {media_type[:60]}, but it is {kind.media_type}. Send it as that.")
    return kind


def _may_be_called(extension: str, kind: Kind) -> bool:
    """What is no known extension says nothing: “holiday no.2”."""
    if extension in EXTENSIONS:
        return EXTENSIONS[extension] is kind
    return extension not in mimetypes.types_map


def _by_content(data: bytes) -> Kind | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    return Kind.WEBP if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _what(beginning: bytes) -> str:
    for start, words in OTHERS.items():
        if beginning.startswith(start):
            return words
    if beginning[4:8] == b"ftyp":
        return PHOTOS.get(beginning[8:12], "a film")
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return "a web page or XML"
    return "text" if beginning and not set(beginning) & NOT_TEXT else "a file of unknown kind"


NOT_TEXT = frozenset(range(32)) - set(b"\t\n\r\f\x1b")
