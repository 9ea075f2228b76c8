"""POST /v1/images/edits, mostly by OpenAI's own client."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

import openai
import pytest
from django.test import AsyncClient
from django.urls import reverse
from PIL import Image

from apps.api.models import ApiCall
from apps.api.multipart import NO_FORM
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.models import Artifact, GenerationJob
from apps.studio.models import Mask
from tests.api.conftest import Program, error_of
from tests.api.test_clients import client
from tests.generations.pictures import FACTS, picture, png_of
from tests.generations.scripted import ScriptedEngine
from tests.world import World

__all__ = ["client"]
pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/v1/images/edits"
PHOTO = png_of(picture(3))
ASKED: dict[str, Any] = {"model": "painter", "prompt": "a red apple"}


def stencil(width: int = 64, height: int = 64, hole: tuple[int, int, int, int] = (16, 16, 48, 48)) -> bytes:
    """Transparent inside of `hole`, and half so in its corner."""
    made = Image.new("RGBA", (width, height), (9, 9, 9, 255))
    made.paste((9, 9, 9, 0), hole)
    made.putpixel(hole[:2], (9, 9, 9, 128))
    return png_of(made)


def huge() -> bytes:
    """A few bytes that say they are 30,000 pixels a side."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


async def test_what_a_mask_shows_is_drawn_anew(
    client: Any, program: Program, painter: HostedModel, worker: Any, engine: ScriptedEngine, world: World
) -> None:
    told = await client.images.edit(
        **ASKED, image=("photo.png", PHOTO, "image/png"), mask=("mask.png", stencil(), "image/png"), n=2,
        size="64x48", output_format="webp", response_format="b64_json",
        extra_body={"seed": 7, "steps": 3, "guidance": 2.5, "scheduler": "euler", "negative_prompt": "blurry"},
    )  # fmt: skip
    assert [each.seed for each in told.data] == [7, 8]
    assert Image.open(BytesIO(base64.b64decode(told.data[0].b64_json))).format == "WEBP"
    for request in engine.requests:
        params = request.params
        assert (params.width, params.height, params.steps, params.strength) == (64, 48, 3, 1.0)
        assert (params.guidance, params.scheduler, params.negative_prompt) == (2.5, "euler", "blurry")
        assert Image.open(BytesIO(request.source)).tobytes() == picture(3).tobytes()
        mask = Image.open(BytesIO(request.mask))
        assert mask.getcolors() == [(64 * 64 - 32 * 32 + 1, 0), (32 * 32 - 1, 255)]
        assert (mask.getpixel((17, 16)), mask.getpixel((16, 16))) == (255, 0), "only what is fully transparent"
    jobs = [job async for job in GenerationJob.objects.all()]
    (source,) = {job.params["source"] for job in jobs}
    (mask_id,) = {job.params["mask"] for job in jobs}
    uploaded = await Artifact.objects.aget(pk=source)
    assert (uploaded.project_id, uploaded.user_id, uploaded.origin) == (world.project.pk, world.editor.pk, "uploaded")
    assert await Mask.objects.filter(pk=mask_id).aexists(), "no gallery shows it"
    assert await ApiCall.objects.filter(token=program.token).acount() == 2


async def test_without_a_mask_all_of_it_is_changed(
    client: Any, painter: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    for size, strength, drawn in (
        ((100, 60), None, (80, 48)),  # its shape, in no more pixels than suit the model
        ((48, 64), 0.3, (48, 64)),
    ):
        more = {} if strength is None else {"extra_body": {"strength": strength}}
        await client.images.edit(**ASKED, image=[png_of(picture(3, *size))], **more)
        params = engine.requests[-1].params
        assert (params.width, params.height) == drawn
        assert params.strength == (strength or 0.6)
        assert engine.requests[-1].mask is None


@pytest.mark.parametrize(
    ("asked", "param", "said"),
    [
        ({"image": [PHOTO, PHOTO]}, "image", "One picture is changed at a time here, and 2 came"),
        ({"image": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, "image", "This is an SVG drawing"),
        ({"image": ("photo.png", b"GIF89a")}, "image", "This is a GIF"),
        ({"image": ("photo.jpg", PHOTO, "image/jpeg")}, "image", "but it is a PNG"),
        ({"image": ("photo.png", PHOTO, "image/webp")}, "image", "sent as image/webp, but it is image/png"),
        ({"image": ("photo.png", PHOTO[:200])}, "image", "incomplete"),
        ({"image": ("photo.png", huge())}, "image", "30,000 × 30,000 pixels"),
        ({"image": b""}, "image", "The file is empty"),
        ({"mask": PHOTO}, "mask", "The mask has no transparency"),
        ({"mask": stencil(hole=(0, 0, 1, 1))}, "mask", "Nothing in the mask is fully transparent"),
        ({"mask": stencil(32, 64, (1, 1, 9, 9))}, "mask", "The mask has 32 × 64 pixels and the picture 64 × 64"),
        ({"mask": huge()}, "mask", "30,000 × 30,000 pixels"),
        ({"prompt": " "}, "prompt", "the prompt is empty"),
        ({"n": 0}, "n", "Ask for 1 to"),
        ({"n": 17}, "n", "Ask for 1 to"),
        ({"extra_body": {"n": "two"}}, "n", "n must be a whole number"),
        ({"size": "63x64"}, "size", "must be a multiple of 8"),
        ({"response_format": "url"}, "response_format", "links here are for people"),
        ({"background": "transparent"}, "background", "There is no parameter “background” here"),
        ({"extra_body": {"strength": 2}}, "strength", "Strength must be a number from 0.01 to 1"),
        ({"extra_body": {"steps": "many"}}, "steps", "Steps must be a whole number"),
        ({"extra_body": {"source": "abc"}}, "source", "There is no parameter “source” here"),
        ({"prompt": "a\0b"}, "prompt", "no text may hold"),
        ({"model": "tiny"}, "model", "Tiny writes: ask it by POST /v1/chat/completions."),
        ({"model": "none"}, "model", "There is no model “none” here"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    client: Any, painter: HostedModel, model: HostedModel, asked: dict[str, Any], param: str, said: str
) -> None:
    with pytest.raises(openai.APIStatusError) as told:
        await client.images.edit(**ASKED | {"image": ("photo.png", PHOTO)} | asked)
    assert told.value.param == param
    assert said in told.value.message
    assert told.value.status_code in (400, 404)
    assert not await GenerationJob.objects.aexists()
    assert not await Artifact.objects.aexists()


async def test_what_is_no_such_form_is_told(program: Program, painter: HostedModel) -> None:
    def part(name: str, value: str, more: str = "") -> str:
        return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'

    async def said(body: str, content_type: str = "multipart/form-data; boundary=x") -> tuple[int, str, str]:
        headers = {"Authorization": f"Bearer {program.raw}"}
        sent = AsyncClient().post(ADDRESS, body.encode(), content_type=content_type, headers=headers)
        return error_of(await sent)

    usual = part("model", "painter") + part("prompt", "a red apple")
    assert await said(json.dumps(ASKED), "application/json") == (400, "", NO_FORM)
    assert "could not be read" in (await said("x", "multipart/form-data; boundary="))[2]
    assert "could not be read" in (await said(part("a", "b") * 2000 + "--x--"))[2]
    assert "no text may hold" in (await said(usual + part("a\0", "b") + "--x--"))[2]
    assert (await said(usual + "--x--"))[1:] == ("image", "Send the picture that is to be changed as a file of this "
                                                 "form, called “image”.")  # fmt: skip
    assert (await said(usual + part("image", "abc") + "--x--"))[1] == "image"
    assert (await said(usual * 2 + part("image", "a", '; filename="a"') + "--x--"))[1:] == (
        "model", "“model” was sent 2 times; send it once.",
    )  # fmt: skip
    assert (await said(usual + part("picture", "a", '; filename="a"') + "--x--"))[1] == "picture"
    assert (await AsyncClient().post(ADDRESS, {"image": BytesIO(PHOTO)})).status_code == 401


async def test_a_model_that_can_not_says_so(client: Any, program: Program, painter: HostedModel) -> None:
    parts = {"image": ("photo.png", PHOTO), "mask": ("mask.png", stencil())}
    for facts, param, said in (
        (replace(FACTS, takes_mask=False), "mask", "Painter changes whole pictures only"),
        (replace(FACTS, takes_source=False, takes_mask=False), "model", "Painter draws from words alone"),
    ):
        changes = json.loads((await program.get("/v1/models/painter")).content)["changes_pictures"]
        assert changes
        await ModelVersion.objects.aupdate(image_facts=asdict(facts))
        with pytest.raises(openai.BadRequestError, match=said) as told:
            await client.images.edit(**ASKED, **parts)
        assert told.value.param == param
    assert not json.loads((await program.get("/v1/models/painter")).content)["changes_pictures"]
    assert not await Artifact.objects.aexists()


async def test_a_picture_of_the_studio_and_one_of_a_program_are_the_same_kind(
    client: Any, program: Program, painter: HostedModel, worker: Any, world: World
) -> None:
    """Its receipt and its page are those of any other."""
    await client.images.edit(**ASKED, image=("photo.png", PHOTO), extra_body={"metadata": "a1111"})
    job = await GenerationJob.objects.aget()
    browser = AsyncClient()
    await browser.aforce_login(world.editor)
    artifact = await Artifact.objects.aget(job=job)
    assert (await browser.get(reverse("picture", args=[artifact.pk]))).status_code == 200
    assert (await browser.get(f"/jobs/{job.pk}/receipt/")).status_code == 200
