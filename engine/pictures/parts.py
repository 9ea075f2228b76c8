"""What a picture's file consists of, taken apart without decoding it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from engine.pictures.kinds import Kind
from engine.pictures.refusal import PictureRefused

MAX_PROFILE = 1_000_000  # bytes of a colour profile; common ones have 500 to 600,000
MAX_EXIF = 1_000_000  # bytes; a JPEG holds 65,533, the others hold more


@dataclass(frozen=True, slots=True)
class PackedText:
    """A text of a PNG, still packed: it may be a bomb, so it is unpacked only when asked for, and only so far."""

    body: bytes
    is_packed: bool
    encoding: str

    def read(self, limit: int) -> str | None:
        """None where it is longer than `limit` bytes or damaged."""
        try:
            found = unpacked(self.body, limit) if self.is_packed else self.body
        except zlib.error:
            return None
        if found is None or len(found) > limit:
            return None
        return found.decode(self.encoding, "replace")


@dataclass(frozen=True, slots=True)
class Parts:
    """Taken apart, and what draws the picture put together again without the rest."""

    kind: Kind
    width: int
    height: int
    drawing: bytes
    """A file of the same kind with nothing in it but what the decoder needs for the pixels."""
    is_animated: bool = False
    profile: bytes | None = None
    """An ICC profile."""
    exif: bytes | None = None
    """A TIFF structure, without the marker before it."""
    texts: dict[str, PackedText] = field(default_factory=dict)


def unpacked(packed: bytes, limit: int) -> bytes | None:
    """Inflates no more than `limit` bytes; None where there are more. Raises zlib.error."""
    stream = zlib.decompressobj()
    found = stream.decompress(packed, limit)
    return None if stream.unconsumed_tail or (not stream.eof and len(found) == limit) else found


def checked_profile(profile: bytes | None) -> bytes | None:
    """Raises PictureRefused where it is larger than any that is needed."""
    if profile is not None and len(profile) > MAX_PROFILE:
        raise PictureRefused("The picture's colour profile is larger than 1 MB. Save the picture without it.")
    return profile or None


def checked_exif(exif: bytes) -> bytes | None:
    """What is larger than anybody needs is not read."""
    exif = exif.removeprefix(b"Exif\0\0")
    return exif if len(exif) <= MAX_EXIF else None
