"""From uploads to clean pixels: turned upright, sRGB, without transparency, metadata or anything too large."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from engine.pictures import Limits, decode, decode_mask, pixels_sha256
from tests.engine.pictures.files import drawing, encoded, opened


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest of any channel of any pixel."""
    extrema = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return max(high for _, high in extrema)


@pytest.mark.parametrize("options", [{"kind": "PNG"}, {"kind": "WEBP", "lossless": True}])
def test_pixels_stay_exactly(options: dict[str, object]) -> None:
    picture = decode(encoded(drawing(), **options))
    assert difference(opened(picture.png), drawing()) == 0
    assert (picture.width, picture.height) == (64, 48)
    assert picture.pixels_sha256 == pixels_sha256(picture.png)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_ones_look_the_same(kind: str) -> None:
    smooth = drawing().resize((256, 192))
    assert difference(opened(decode(encoded(smooth, kind, quality=95)).png), smooth) < 60


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_a_png(mode: str) -> None:
    picture = opened(decode(encoded(drawing(mode=mode))).png)
    assert picture.mode == "RGB"
    assert picture.size == (64, 48)


def test_sixteen_bits_keep_their_brightness() -> None:
    deep = Image.new("I;16", (32, 32))
    deep.putdata([index * 64 for index in range(1024)])
    grey = opened(decode(encoded(deep)).png).convert("L")
    assert abs(grey.getpixel((0, 16)) - 128) <= 1
    assert grey.getextrema() == (0, 255)


def test_cmyk_looks_as_it_was_meant() -> None:
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    pixel = opened(decode(encoded(red, "JPEG")).png).getpixel((9, 9))
    assert difference(Image.new("RGB", (1, 1), pixel), Image.new("RGB", (1, 1), (255, 0, 0))) < 12


def test_transparent_parts_become_white_or_stay_in_a_mask() -> None:
    picture = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 16, 32))
    for kind in ("PNG", "WEBP"):
        assert opened(decode(encoded(picture, kind)).png).getextrema() == ((255, 255),) * 3
        mask = opened(decode_mask(encoded(picture, kind)).png)
        assert (mask.mode, mask.getpixel((4, 4)), mask.getpixel((28, 4))) == ("L", 255, 0)


def test_transparent_colour_of_a_palette_or_of_rgb() -> None:
    for mode, clear in (("RGB", (0, 0, 0)), ("L", 0), ("P", 0)):
        data = encoded(Image.new(mode, (32, 32), 0), transparency=clear)
        assert opened(decode(data).png).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = Image.new("RGB", (64, 32), "white")
    turned.paste((0, 0, 255), (0, 0, 24, 12))
    data = encoded(turned, kind, exif=exif)
    upright = opened(decode(data).png)
    assert upright.size == ((64, 32) if orientation < 5 else (32, 64))
    corners = [(2, 2), (upright.width - 3, 2), (upright.width - 3, upright.height - 3), (2, upright.height - 3)]
    blue = next(at for at, corner in enumerate(corners) if upright.getpixel(corner)[0] < 100)
    assert blue == {1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3}[orientation]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_metadata_stays_behind(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET of a camera"
    options = {"exif": exif, "xmp": b"<x>SECRET</x>", "icc_profile": srgb()}
    if kind == "PNG":
        told = PngInfo()
        told.add_text("Comment", "SECRET")
        options = {**options, "pnginfo": told}
    png = decode(encoded(drawing(), kind, **options)).png
    assert b"SECRET" not in png
    assert opened(png).info == {}
    assert {png[at + 4 : at + 8] for at in chunk_starts(png)} == {b"IHDR", b"IDAT", b"IEND"}


def chunk_starts(png: bytes) -> list[int]:
    at, found = 8, []
    while at < len(png):
        found.append(at)
        at += 12 + int.from_bytes(png[at : at + 4])
    return found


def test_colours_are_converted_by_a_profile_that_fits() -> None:
    warm = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    swapped = swapped_profile()
    picture = Image.new("RGB", (32, 32), (200, 40, 40))
    assert opened(decode(encoded(picture, icc_profile=swapped)).png).getpixel((1, 1)) != (200, 40, 40)
    assert opened(decode(encoded(picture, "JPEG", quality=100, icc_profile=swapped)).png).getpixel((1, 1))[1] > 60
    for useless in (warm, b"no profile at all", swapped[:300]):
        assert opened(decode(encoded(picture, icc_profile=useless)).png).getpixel((1, 1)) == (200, 40, 40)


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB's own, with red and green changed for one another."""
    return srgb().replace(b"rXYZ", b"tmpX", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"tmpX", b"gXYZ", 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16", "1", "LA"])
def test_larger_ones_are_scaled_down(mode: str) -> None:
    picture = decode(encoded(drawing(300, 150, mode)), limits=Limits(kept=100))
    assert (picture.width, picture.height) == opened(picture.png).size == (100, 50)


def test_a_large_photo_is_scaled_while_it_is_decoded() -> None:
    photo = drawing(300, 200).resize((2400, 1600))
    picture = opened(decode(encoded(photo, "JPEG", quality=95), limits=Limits(kept=600)).png)
    assert picture.size == (600, 400)
    assert difference(picture, photo.resize((600, 400), Image.Resampling.LANCZOS)) < 60


def test_what_cameras_put_behind_a_photo_is_left_out() -> None:
    assert decode(encoded(drawing(), "JPEG") + encoded(drawing(), "JPEG") + b"a film").width == 64
    assert decode(encoded(drawing()) + b"an archive").width == 64


def test_a_progressive_and_an_interlaced_one() -> None:
    assert decode(encoded(drawing(), "JPEG", progressive=True)).width == 64
    written = io.BytesIO()
    drawing(mode="L").save(written, "JPEG", optimize=True)
    assert decode(written.getvalue()).height == 48
