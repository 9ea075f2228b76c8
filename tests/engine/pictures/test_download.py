"""What a downloaded file carries, seen with other eyes than our own reader's."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from PIL import Image

from engine.pictures import Carries, Kind, TooLong, download
from engine.pictures.exif import IFD, USER_COMMENT
from engine.pictures.png import chunks
from engine.types import ImageParams
from tests.engine.pictures.files import DIGEST, drawing, encoded, opened, origin

PNG = encoded(drawing())
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
SYSTEM = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}AISystemUsed"
EXPECTED = """a red apple
Negative prompt: blue
Steps: 12, Sampler: Euler a, CFG scale: 7, Seed: 7, Size: 64x48, Model hash: 5e1f5e1f5e, Model: Atrium Emoji"""
PARAMS = ImageParams("a red apple", "blue", 64, 48, 12, 7.0, 7, "euler-ancestral")


def xmp_of(picture: Image.Image) -> dict[str, str]:
    described = ElementTree.fromstring(picture.info["xmp"]).find(".//{*}Description")
    assert described is not None
    return dict(described.attrib)


def user_comment(picture: Image.Image) -> bytes:
    return picture.getexif().get_ifd(IFD)[USER_COMMENT]


def test_a1111_writes_exactly_its_text() -> None:
    picture = opened(download(PNG, origin(params=PARAMS), Carries.A1111))
    assert picture.info["parameters"] == EXPECTED
    assert "atrium" not in picture.info


def test_a_source_adds_its_strength() -> None:
    text = opened(download(PNG, origin(params=PARAMS, has_source=True), Carries.A1111)).info["parameters"]
    assert text == EXPECTED + ", Denoising strength: 0.6"


def test_latin_text_is_a_text_chunk_and_all_else_an_international_one() -> None:
    for prompt, kind in (("über", b"tEXt"), ("林檎 🍎", b"iTXt")):
        made = download(PNG, origin(params=ImageParams(prompt)), Carries.A1111)
        assert [found for found, body in chunks(made) if body.startswith(b"parameters")] == [kind]
        assert opened(made).info["parameters"].startswith(prompt)


@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.WEBP])
def test_jpeg_and_webp_have_it_in_exif(kind: Kind) -> None:
    picture = opened(download(PNG, origin(params=PARAMS), Carries.A1111, kind))
    assert picture.format == kind.value
    assert user_comment(picture) == b"UNICODE\0" + EXPECTED.encode("utf-16-be")


@pytest.mark.parametrize("kind", Kind)
def test_full_says_everything_and_that_a_model_made_it(kind: Kind) -> None:
    picture = opened(download(PNG, origin(params=PARAMS, made_with={"torch": "2.13"}), Carries.FULL, kind))
    xmp = xmp_of(picture)
    assert xmp[SOURCE_TYPE] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert xmp[SYSTEM] == "Atrium Emoji"
    if kind is Kind.PNG:
        record = json.loads(picture.info["atrium"])
        assert (record["digest"], record["made_with"]) == (DIGEST, {"torch": "2.13"})
        assert picture.info["parameters"] == EXPECTED


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("carries", [Carries.A1111, Carries.SIGNED])
def test_less_than_full_still_says_that_a_model_made_it(carries: Carries, kind: Kind) -> None:
    xmp = xmp_of(opened(download(PNG, origin(has_source=True, has_mask=True), carries, kind)))
    assert xmp[SOURCE_TYPE].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert SYSTEM not in xmp


@pytest.mark.parametrize("kind", Kind)
def test_stripped_is_only_pixels(kind: Kind) -> None:
    before = download(PNG, origin(), Carries.FULL)
    after = download(before, origin(), Carries.STRIPPED, kind)
    info = opened(after).info
    assert not {"exif", "xmp", "parameters", "atrium", "XML:com.adobe.xmp", "icc_profile", "comment"} & set(info)
    assert b"apple" not in after


def test_a_name_of_a_model_can_break_nothing() -> None:
    made = origin(model='"/><script>alert(1)</script>\x00\x1f\ud800', params=PARAMS)
    for kind in Kind:
        assert xmp_of(opened(download(PNG, made, Carries.FULL, kind)))[SYSTEM] == '"/><script>alert(1)</script>'


def test_a_prompt_too_long_for_a_jpeg_is_told() -> None:
    made = origin(params=ImageParams("🍎" * 19_000))
    with pytest.raises(TooLong, match="Choose PNG or WebP"):
        download(PNG, made, Carries.A1111, Kind.JPEG)
    assert download(PNG, made, Carries.FULL, Kind.WEBP)
    assert download(PNG, made, Carries.STRIPPED, Kind.JPEG)
