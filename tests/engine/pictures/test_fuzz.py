"""Whatever bytes come: a picture or a refusal in words, never another exception and never much memory."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pictures import Limits, PictureRefused, decode, decode_mask, download, recover
from engine.pictures.kinds import Kind
from engine.pictures.origin import Carries
from engine.pictures.pixels import pixels_sha256
from tests.engine.pictures.files import drawing, encoded, opened, origin, png_of_chunks

LIMITS = Limits(pixels=200_000)
GOOD = [
    *(download(encoded(drawing()), origin(), Carries.FULL, kind) for kind in Kind),
    encoded(drawing(mode="P"), transparency=0),
    encoded(drawing(mode="CMYK"), "JPEG", progressive=True),
    encoded(drawing(mode="RGBA"), "WEBP", lossless=True),
    encoded(drawing(mode="RGBA"), "WEBP", xmp=b"<x/>"),
]


def check(data: bytes) -> None:
    tracemalloc.start()
    try:
        for read in (decode, decode_mask):
            with contextlib.suppress(PictureRefused):
                picture = read(data, limits=LIMITS)
                assert opened(picture.png).size == (picture.width, picture.height)
        with contextlib.suppress(PictureRefused):
            recover(data, limits=LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    good=st.sampled_from(GOOD),
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=8),
    end=st.one_of(st.none(), st.integers(0, 2**20)),
)
def test_changed_and_cut(good: bytes, changes: list[tuple[int, int]], end: int | None) -> None:
    data = bytearray(good)
    for at, value in changes:
        data[at % len(data)] = value
    check(bytes(data if end is None else data[: end % len(data)]))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(good=st.sampled_from(GOOD), at=st.integers(0, 400), more=st.binary(max_size=40), gone=st.integers(0, 40))
def test_something_put_in_or_taken_out_near_the_start(good: bytes, at: int, more: bytes, gone: int) -> None:
    check(good[:at] + more + good[at + gone :])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(start=st.sampled_from([b"", *(good[:30] for good in GOOD)]), rest=st.binary(max_size=300))
def test_noise(start: bytes, rest: bytes) -> None:
    check(start + rest)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(exif=st.tuples(st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]), st.binary(max_size=200)))
def test_hostile_exif(exif: tuple[bytes, bytes]) -> None:
    check(png_of_chunks((b"eXIf", b"".join(exif))))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(kind=st.sampled_from([b"iCCP", b"tRNS", b"PLTE", b"zTXt", b"iTXt", b"tEXt", b"acTL", b"gAMA"]), body=st.binary())
def test_hostile_chunks(kind: bytes, body: bytes) -> None:
    check(png_of_chunks((kind, body)))


@pytest.mark.parametrize("good", GOOD)
def test_the_good_ones_are_good(good: bytes) -> None:
    check(good)
    assert len(pixels_sha256(decode(good, limits=LIMITS).png)) == 64
