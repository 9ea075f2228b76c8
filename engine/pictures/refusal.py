"""What isn't accepted, and how large a picture may be."""

from __future__ import annotations

from dataclasses import dataclass


class PictureRefused(ValueError):
    """This file isn't taken for a picture; the message is whole sentences that say what to do instead."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Checked in the file's header, before anything is decoded."""

    megabytes: int = 20
    pixels: int = 17_000_000
    """Width × height: 4,096 × 4,096 passes. Decoding may take 16 bytes for each, however short the file is."""
    jpeg_pixels: int = 25_000_000
    """A photo of 24 megapixels passes: a JPEG is scaled down while it is decoded."""
    longest: int = 12_000
    shortest: int = 16
    ratio: int = 10
    """How many times as long as wide, or as wide as long."""
    kept: int = 2_048
    """The longest side of what is kept: a larger picture is scaled down."""

    def check_size(self, data: bytes) -> None:
        if not data:
            raise PictureRefused("The file is empty. Choose another one.")
        if len(data) > self.megabytes * 1_000_000:
            raise PictureRefused(
                f"The file has {len(data) / 1e6:,.1f} MB; at most {self.megabytes} MB are taken. Save it smaller."
            )

    def check_sides(self, width: int, height: int, *, is_jpeg: bool) -> None:
        most = self.jpeg_pixels if is_jpeg else self.pixels
        if min(width, height) < self.shortest:
            raise PictureRefused(
                f"The picture has {width} × {height} pixels; both sides must have at least {self.shortest}."
            )
        if width * height > most or max(width, height) > self.longest:
            raise PictureRefused(
                f"The picture has {width:,} × {height:,} pixels; at most {most // 1_000_000} million are taken, "
                f"and {self.longest:,} along a side. Save it smaller."
            )
        if max(width, height) > self.ratio * min(width, height):
            raise PictureRefused(
                f"The picture has {width:,} × {height:,} pixels; one side may be at most {self.ratio} times the other. "
                "Crop it."
            )


LIMITS = Limits()


def damaged(what: str) -> PictureRefused:
    return PictureRefused(f"The file is damaged: {what}. Save or send it once more.")


def cut_off() -> PictureRefused:
    return PictureRefused("The file is incomplete: its end is missing. Save or send it once more.")
