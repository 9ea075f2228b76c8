"""POST /v1/images/generations and GET /v1/models."""

from __future__ import annotations

import asyncio
import base64
import json
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from apps.api.models import ApiCall
from apps.catalog.models import HostedModel
from apps.generations.models import Artifact, GenerationJob, State
from tests.api.conftest import LONG, Program, error_of
from tests.generations.pictures import picture
from tests.generations.scripted import ScriptedEngine
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


async def draw(program: Program, **body: Any) -> Any:
    return await program.post("/v1/images/generations", **{"model": "painter", "prompt": "a red apple"} | body)


def opened(told: dict[str, Any]) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(told["b64_json"])))


async def test_pictures_come_with_their_seeds_and_hang_in_the_gallery(
    program: Program, painter: HostedModel, worker: Any, world: World
) -> None:
    response = await draw(program, n=2, size="64x48", seed=7, steps=3)
    told = json.loads(response.content)
    assert [each["seed"] for each in told["data"]] == [7, 8]
    for each in told["data"]:
        found = opened(each)
        assert (found.format, found.size, found.info) == ("PNG", (64, 48), {})
        assert found.tobytes() == picture(each["seed"], 64, 48, "a red apple").tobytes()
    assert await Artifact.objects.filter(project=world.project, user=world.editor).acount() == 2
    assert await ApiCall.objects.filter(token=program.token).acount() == 2


async def test_other_files_and_what_they_tell(program: Program, painter: HostedModel, worker: Any) -> None:
    told = json.loads((await draw(program, output_format="webp")).content)
    assert opened(told["data"][0]).format == "WEBP"
    told = json.loads((await draw(program, metadata="a1111")).content)
    assert opened(told["data"][0]).info["parameters"].startswith("a red apple")


@pytest.mark.parametrize(
    ("asked", "param", "said"),
    [
        ({"prompt": ""}, "prompt", "the prompt is empty"),
        ({"size": "63x64"}, "size", "must be a multiple of 8"),
        ({"size": "huge"}, "size", "width and height in pixels"),
        ({"n": 0}, "n", "Ask for 1 to"),
        ({"n": "two"}, "n", "n must be a whole number"),
        ({"response_format": "url"}, "response_format", "links here are for people"),
        ({"output_format": "bmp"}, "output_format", "must be one of png, jpeg, webp"),
        ({"quality": "hd"}, "quality", "There is no parameter “quality” here"),
        ({"model": "tiny"}, "model", "Tiny writes: ask it by POST /v1/chat/completions."),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_drawn(
    program: Program, painter: HostedModel, model: HostedModel, asked: dict[str, Any], param: str, said: str
) -> None:
    status, wrong, words = error_of(await draw(program, **asked))
    assert (status, wrong) == (400, param)
    assert said in words
    assert not await GenerationJob.objects.aexists()


async def test_where_one_fails_the_others_are_stopped(
    program: Program, painter: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    await HostedModel.objects.aupdate(longest_seconds=1)
    engine.frozen.set()
    assert error_of(await draw(program, n=2))[0] == 504
    engine.frozen.clear()
    async with asyncio.timeout(LONG):
        while {job.state async for job in GenerationJob.objects.all()} - {State.FAILED, State.CANCELLED}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_the_models_that_a_token_may_use(program: Program, model: HostedModel, painter: HostedModel) -> None:
    told = json.loads((await program.get("/v1/models")).content)
    assert {each["id"]: each["makes"] for each in told["data"]} == {"tiny": ["text"], "painter": ["image"]}
    assert {each["object"] for each in told["data"]} == {"model"}
    one = json.loads((await program.get("/v1/models/tiny")).content)
    assert (one["context_length"], one["licence"]) == (512, "CC0-1.0")
    assert one in told["data"]
    await HostedModel.objects.filter(pk="tiny").aupdate(is_enabled=False)
    assert error_of(await program.get("/v1/models/tiny"))[0] == 404
    assert [each["id"] for each in json.loads((await program.get("/v1/models")).content)["data"]] == ["painter"]
