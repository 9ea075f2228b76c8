"""What isn't a picture, or lies, or would be too much, is refused in words before it is decoded."""

from __future__ import annotations

import io
import time
import tracemalloc
import zlib

import pytest
from PIL import Image

from engine.pictures import Limits, PictureRefused, decode, decode_mask
from engine.pictures.png import SIGNATURE, chunk
from tests.engine.pictures.files import BOMB, drawing, encoded, header, png_of_chunks

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def animated(kind: str) -> bytes:
    written = io.BytesIO()
    drawing().save(written, kind, save_all=True, append_images=[drawing().rotate(90)], duration=100)
    return written.getvalue()


def two_headers() -> bytes:
    """The second says that the picture is larger than the first does."""
    jpeg = encoded(drawing(), "JPEG")
    at = jpeg.index(b"\xff\xc0")
    size = int.from_bytes(jpeg[at + 2 : at + 4]) + 2
    return jpeg[: at + size] + jpeg[at : at + 5] + b"\x40\0\x40\0" + jpeg[at + 9 :]


def of_many_scans() -> bytes:
    jpeg = encoded(drawing(), "JPEG", progressive=True)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + scan * 200 + jpeg[-2:]


REFUSED: list[tuple[str, bytes, str]] = [
    ("empty", b"", "is empty"),
    ("text", b"a red apple\n" * 9, "This is text"),
    ("noise", bytes(range(256)), "unknown kind"),
    ("svg", SVG, "an SVG drawing"),
    ("svg without declaration", b"\xef\xbb\xbf  <svg width='9'/>", "an SVG drawing"),
    ("web page", b"<!DOCTYPE html><p>hi", "a web page"),
    ("gif", encoded(drawing(), "GIF"), "a GIF"),
    ("tiff", encoded(drawing(), "TIFF"), "a TIFF"),
    ("bmp", encoded(drawing(), "BMP"), "a BMP"),
    ("heic", HEIC, "a HEIC photo"),
    ("avif", encoded(drawing(), "AVIF"), "an AVIF picture"),
    ("film", b"\0\0\0\x18ftypisom", "a film"),
    ("animated png", animated("PNG"), "is animated"),
    ("animated webp", animated("WEBP"), "is animated"),
    ("too small", encoded(drawing(12, 300)), "at least 16"),
    ("too narrow", encoded(Image.new("RGB", (1000, 20))), "at most 10 times"),
    ("too long a side", encoded(Image.new("L", (12_100, 1300))), "12,000 along a side"),
    ("too many bytes", bytes(20_000_001), "at most 20 MB"),
    ("only a start", b"\x89PNG\r\n\x1a\n", "incomplete"),
    ("no pixels", SIGNATURE + header(64, 64) + chunk(b"IEND", b""), "has no pixels"),
    ("too few rows", png_of_chunks(packed=zlib.compress(b"\0\1\2\3")), "pixels can't be read"),
    ("unknown critical part", png_of_chunks((b"EvIL", b"")), "parts that no other PNG has"),
    ("two palettes", png_of_chunks((b"PLTE", bytes(3)), (b"PLTE", bytes(6))), "there twice"),
    ("two jpeg headers", two_headers(), "no single header"),
    ("jpeg of many scans", of_many_scans(), "100 layers"),
    ("profile bomb", png_of_chunks((b"iCCP", b"icc\0\0" + BOMB)), "colour profile"),
    ("lossless jpeg", encoded(drawing(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3", 1), "rare kind"),
]


@pytest.mark.parametrize(("data", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_in_words(data: bytes, words: str) -> None:
    for read in (decode, decode_mask):
        with pytest.raises(PictureRefused, match=words) as refused:
            read(data)
        assert str(refused.value)[0].isupper()
        assert str(refused.value).endswith(".")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_cut_off_anywhere(kind: str) -> None:
    whole = encoded(drawing(), kind)
    for end in (*range(0, len(whole) - 1, max(1, len(whole) // 40)), len(whole) - 1):
        with pytest.raises(PictureRefused):
            decode(whole[:end])


@pytest.mark.parametrize(
    ("name", "declared", "words"),
    [("apple.jpg", "", "“.jpg”, but it is a PNG"), ("apple.gif", "image/png", "“.gif”"), ("a.svg", "", "“.svg”"),
     ("apple.png", "image/jpeg", "sent as image/jpeg, but it is image/png"), ("", "text/html", "sent as text/html")],
)  # fmt: skip
def test_lying_about_what_it_is(name: str, declared: str, words: str) -> None:
    with pytest.raises(PictureRefused, match=words):
        decode(encoded(drawing()), name=name, declared=declared)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("apple.PNG", "image/png"),
        ("no extension", "application/octet-stream"),
        ("holiday no.2", ""),
        ("C:\\a\\b.png", ""),
    ],
)
def test_what_says_nothing_else_passes(name: str, declared: str) -> None:
    assert decode(encoded(drawing()), name=name, declared=declared).width == 64


def bombs() -> list[bytes]:
    webp = bytearray(encoded(drawing(), "WEBP", lossless=True))
    webp[21:25] = ((16_000 - 1) | (16_000 - 1) << 14).to_bytes(4, "little")
    jpeg = bytearray(encoded(drawing(), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\x4e\x20\x4e\x20"
    rows = zlib.compressobj(9)
    first, more = (rows.compress(bytes(3_000_000)) + rows.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return [png_of_chunks(size=(20_000, 20_000), packed=first + more * 400), bytes(webp), bytes(jpeg)]


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    for bomb in bombs():
        tracemalloc.start()
        started = time.process_time()
        with pytest.raises(PictureRefused, match=r"at most (17|25) million"):
            decode(bomb)
        assert time.process_time() - started < 1
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
        tracemalloc.stop()


def test_bombs_in_texts_are_never_unpacked() -> None:
    bomb = png_of_chunks(
        (b"zTXt", b"parameters\0\0" + BOMB), (b"iTXt", b"x\0\1\0\0\0" + BOMB), (b"eXIf", bytes(99_999))
    )
    tracemalloc.start()
    assert decode(bomb).width == 64
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_header_that_contradicts_the_rest() -> None:
    small, large = encoded(drawing(64, 64), "WEBP", lossless=True), drawing(500, 500, "RGBA")
    large.putalpha(7)
    of_large = encoded(large, "WEBP")
    lying = of_large[:24] + (63).to_bytes(3, "little") * 2 + of_large[30:]
    assert decode(small).width == 64
    with pytest.raises(PictureRefused, match="contradicts itself"):
        decode(lying)


def test_many_tiny_chunks_are_refused_quickly() -> None:
    crowd = png_of_chunks()[:33] + b"".join(b"\0\0\0\0teSt" + bytes(4) for _ in range(30_000))
    with pytest.raises(PictureRefused, match="20,000 parts"):
        decode(crowd + png_of_chunks()[33:])


@pytest.mark.parametrize("grey", [0, 127])
def test_a_mask_without_white_changes_nothing(grey: int) -> None:
    with pytest.raises(PictureRefused, match="nothing white"):
        decode_mask(encoded(Image.new("L", (64, 64), grey)))


def test_limits_can_be_chosen() -> None:
    with pytest.raises(PictureRefused, match="at most 1 million"):
        decode(encoded(Image.new("L", (1100, 1100))), limits=Limits(pixels=1_000_000))
