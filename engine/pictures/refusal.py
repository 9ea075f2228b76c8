"""What isn't accepted, and how large a picture may be."""

from __future__ import annotations

from dataclasses import dataclass


class PictureRefused(ValueError):
    """This file isn't taken for a picture; the message is whole sentences that say what to do instead."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Checked in the file's header, before anything is decoded."""

    megabytes: int = 20
    pixels: int = 25_000_000
    """Width × height; a camera of 24 megapixels passes."""
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

    def check_sides(self, width: int, height: int) -> None:
        if min(width, height) < self.shortest:
            raise PictureRefused(
                f"The picture has {width} × {height} pixels; both sides must have at least {self.shortest}."
            )
        if width * height > self.pixels or max(width, height) > self.longest:
            raise PictureRefused(
                f"The picture has {width:,} × {height:,} pixels; at most {self.pixels // 1_000_000} million are taken, "
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
