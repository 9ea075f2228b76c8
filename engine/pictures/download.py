"""The file that somebody downloads: the pixels, and what the person wants it to tell."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from engine.pictures import a1111, own, png, xmp
from engine.pictures.exif import write_exif
from engine.pictures.kinds import Kind
from engine.pictures.origin import GENERATOR, Carries, Origin

QUALITY = {Kind.JPEG: 92, Kind.WEBP: 90}
MAX_JPEG_EXIF = 65_533  # bytes; a segment has two for its length


class TooLong(ValueError):
    """The prompt doesn't fit into such a file; the message is a whole sentence."""


def download(picture: bytes, origin: Origin, carries: Carries, kind: Kind = Kind.PNG) -> bytes:
    """A file of our PNG. As a PNG the pixels stay as they are; JPEG and WebP lose a little.

    For `Carries.SIGNED` this is what `engine.pictures.signing.Signer` signs: it tells only that a model made it.
    """
    if kind is Kind.PNG:
        return png.with_texts(picture, _texts(origin, carries))
    with Image.open(io.BytesIO(picture), formats=["PNG"]) as opened:
        pixels = opened.convert("RGB")
    pixels.info = {}
    told = _headers(origin, carries)
    if kind is Kind.JPEG and len(told.get("exif", b"")) > MAX_JPEG_EXIF:
        raise TooLong("The prompt is too long for a JPEG to carry it. Choose PNG or WebP, or leave the parameters out.")
    written = io.BytesIO()
    more = {"subsampling": "4:4:4"} if kind is Kind.JPEG else {"method": 4}
    pixels.save(written, kind.value, quality=QUALITY[kind], **more, **told)
    return written.getvalue()


def _texts(origin: Origin, carries: Carries) -> Sequence[png.Chunk]:
    if carries is Carries.STRIPPED:
        return ()
    texts = [png.utf8_chunk(xmp.PNG_NAME, _packet(origin, carries))]
    if carries in (Carries.FULL, Carries.A1111):
        texts.append(png.text_chunk("parameters", a1111.write(origin)))
    if carries is Carries.FULL:
        texts.append(png.utf8_chunk(own.NAME, own.write(origin)))
    return texts


def _headers(origin: Origin, carries: Carries) -> dict[str, Any]:
    if carries is Carries.STRIPPED:
        return {}
    has_parameters = carries in (Carries.FULL, Carries.A1111)
    exif = write_exif(
        software=GENERATOR,
        comment=a1111.write(origin) if has_parameters else "",
        note=own.write(origin).encode() if carries is Carries.FULL else b"",
    )
    return {"exif": exif, "xmp": _packet(origin, carries).encode()}


def _packet(origin: Origin, carries: Carries) -> str:
    return xmp.packet(origin, with_model=carries is Carries.FULL)
