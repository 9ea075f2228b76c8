"""Asking for pictures: what is queued, what is refused and where it says so, what is recalled."""

from __future__ import annotations

import json
import re
import secrets
import threading
from dataclasses import asdict, replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.models import Artifact, GenerationJob, State
from apps.generations.picture_store import path_of
from apps.governance.models import Grant
from apps.studio.models import Mask
from engine.pictures.download import download
from engine.pictures.origin import Carries, Origin
from engine.types import ImageParams
from tests.generations.pictures import FACTS, hosted_adapter, hosted_painter, picture, png_of
from tests.studio.build import PARAMS, painted, painting, uploaded
from tests.world import World


@pytest.fixture
def ask(world: World, editor: Client, painter: HostedModel) -> Any:
    def send(params: object, **more: object) -> Any:
        data = {"client_id": secrets.token_hex(8), "model": painter.pk, "params": params} | more
        return editor.post(f"/p/{world.project.pk}/studio/jobs/", data, content_type="application/json")

    return send


def state_of(client: Client, world: World, query: str = "") -> dict[str, Any]:
    page = client.get(f"/p/{world.project.pk}/studio/?{query}").content.decode()
    found = re.search(r'<script id="state" type="application/json">(.*?)</script>', page)
    assert found
    state: dict[str, Any] = json.loads(found[1])
    return state


def test_as_many_jobs_as_pictures_with_seeds_one_after_another(world: World, ask: Any) -> None:
    answer = ask({"prompt": "a red apple", "seed": "40", "steps": 3}, count=4)
    assert answer.status_code == 201
    cards = answer.json()["jobs"]
    assert [card["params"]["seed"] for card in cards] == [40, 41, 42, 43]
    assert {card["user"]["name"] for card in cards} == {"Editor"}
    jobs = GenerationJob.objects.all()
    assert {job.params["steps"] for job in jobs} == {3}
    assert {job.state for job in jobs} == {State.QUEUED}
    assert {card["id"] for card in cards} == {job.pk for job in jobs}


def test_what_is_sent_again_is_made_once(world: World, ask: Any) -> None:
    first = ask({"prompt": "a red apple"}, count=2, client_id="the-same-1")
    again = ask({"prompt": "a red apple"}, count=2, client_id="the-same-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert [card["id"] for card in again.json()["jobs"]] == [card["id"] for card in first.json()["jobs"]]
    assert GenerationJob.objects.count() == 2
    assert ask({"prompt": "a red apple"}, client_id="another-1").status_code == 201
    other = Client()
    other.force_login(world.owner)
    data = {"client_id": "the-same-1", "model": "painter", "params": {"prompt": "a car"}}
    theirs = other.post(f"/p/{world.project.pk}/studio/jobs/", data, content_type="application/json")
    assert theirs.status_code == 201, "ids of somebody else are nobody's business"


def test_what_was_refused_may_be_sent_again(world: World, ask: Any) -> None:
    assert ask({"prompt": ""}, client_id="the-same-1").status_code == 422
    assert ask({"prompt": "a red apple"}, client_id="the-same-1").status_code == 201


@pytest.mark.parametrize("client_id", [None, 7, "short", "x" * 65, "a b c d e f"])
def test_a_send_needs_an_id(ask: Any, client_id: object) -> None:
    assert ask({"prompt": "a red apple"}, client_id=client_id).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_raced_send_is_one_send(world: World, painter: HostedModel) -> None:
    answers: list[tuple[int, list[str]]] = []
    barrier = threading.Barrier(4)
    data = {"client_id": "raced-0001", "model": painter.pk, "params": {"prompt": "a red apple"}, "count": 2}

    def race() -> None:
        client = Client()
        client.force_login(world.editor)
        barrier.wait()
        answer = client.post(f"/p/{world.project.pk}/studio/jobs/", data, content_type="application/json")
        answers.append((answer.status_code, [card["id"] for card in answer.json()["jobs"]]))
        connections.close_all()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] * 3 + [201]
    assert len({tuple(ids) for _, ids in answers}) == 1
    assert GenerationJob.objects.count() == 2


@pytest.mark.parametrize(
    ("params", "more", "field"),
    [
        ({"prompt": "  "}, {}, "prompt"),
        ({"prompt": "x", "width": 65}, {}, "width"),
        ({"prompt": "x", "height": "tall"}, {}, "height"),
        ({"prompt": "x", "steps": 0}, {}, "steps"),
        ({"prompt": "x", "seed": -1}, {}, "seed"),
        ({"prompt": "x", "source": "0" * 16}, {}, "source"),
        ({"prompt": "x"}, {"count": 0}, "count"),
        ({"prompt": "x"}, {"count": 99}, "count"),
        ({"prompt": "x"}, {"count": True}, "count"),
        ({"prompt": "x"}, {"model": "nowhere"}, "model"),
        ({"prompt": "x"}, {"model": None}, "model"),
        ({"prompt": "x"}, {"model": "a\0b"}, "model"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(ask: Any, params: dict[str, Any], more: dict[str, Any], field: str) -> None:
    answer = ask(params, **more)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["field"] == field
    assert error["message"].endswith((".", "?"))
    assert not GenerationJob.objects.exists()


@pytest.mark.parametrize("params", [None, [], "x", 7])
def test_parameters_are_an_object(ask: Any, params: object) -> None:
    assert ask(params).status_code == 422


def test_who_may_not_use_the_model_reads_why(ask: Any, painter: HostedModel) -> None:
    Grant.objects.all().delete()
    answer = ask({"prompt": "a red apple"})
    assert answer.status_code == 403
    assert answer.json()["error"]["remedy"]["url"]


def test_a_quote_changes_nothing(world: World, editor: Client, painter: HostedModel) -> None:
    data = {"model": painter.pk, "params": {"prompt": "a red apple"}, "count": 2}
    answer = editor.post(f"/p/{world.project.pk}/studio/quote/", data, content_type="application/json")
    assert answer.json()["quote"].keys() == {"device_seconds", "starts_in", "reason"}
    assert not GenerationJob.objects.exists()


def test_the_page_begins_with_what_is_being_made(world: World, editor: Client, painter: HostedModel) -> None:
    mine = painting(world.project, world.editor, painter)
    theirs = painting(world.project, world.owner, painter, "a car", State.RUNNING)
    painting(world.project, world.owner, painter, "a bus", State.SUCCEEDED)
    state = state_of(editor, world)
    assert [card["id"] for card in state["jobs"]] == [mine.pk, theirs.pk]
    assert [model["id"] for model in state["models"]] == ["painter"]
    assert {each["name"] for each in state["models"][0]["parameters"]} >= {"prompt", "steps", "guidance", "strength"}


def test_adapters_have_a_strength(world: World, editor: Client, painter: HostedModel) -> None:
    """It is offered, shown, recalled and varied with; models that are none know nothing of it."""
    ink = hosted_adapter(painter)
    offered = {
        model["id"]: {each["name"] for each in model["parameters"]} for model in state_of(editor, world)["models"]
    }
    assert offered["ink"] - offered["painter"] == {"adapter_strength"}
    wash = painted(world.project, world.editor, ink, adapter_strength=0.35)
    assert "<dt>Adapter strength</dt><dd>0.35</dd>" in facts_on(editor, wash)
    assert state_of(editor, world, f"use={wash.pk}")["recalled"]["params"]["adapter_strength"] == 0.35
    editor.post(f"/pictures/{wash.pk}/vary/")
    varied = GenerationJob.objects.filter(state=State.QUEUED)
    assert {job.params["adapter_strength"] for job in varied} == {0.35}
    receipt = editor.get(reverse("job_receipt_json", args=[wash.job_id])).json()
    assert receipt["parameters"]["adapter_strength"] == 0.35
    assert "Adapter strength" not in facts_on(editor, painted(world.project, world.editor, painter))


def test_an_older_picture_of_an_adapter(world: World, editor: Client, painter: HostedModel) -> None:
    wash = painted(world.project, world.editor, hosted_adapter(painter))
    assert wash.job is not None
    del wash.job.params["adapter_strength"]
    wash.job.save()
    assert "<dt>Adapter strength</dt><dd>1.0</dd>" in facts_on(editor, wash)
    assert editor.post(f"/pictures/{wash.pk}/vary/").status_code == 302
    assert GenerationJob.objects.filter(state=State.QUEUED).first().params["adapter_strength"] == 1


def facts_on(client: Client, shown: Artifact) -> str:
    """The page of a picture, without white space."""
    return re.sub(r">\s+<", "><", client.get(f"/pictures/{shown.pk}/").content.decode())


@pytest.mark.parametrize(
    ("take", "kept"), [("all", {"seed", "steps"}), ("no-seed", {"steps"}), ("prompt", set()), ("else", {"seed"})]
)
def test_recall(world: World, editor: Client, apple: Artifact, take: str, kept: set[str]) -> None:
    recalled = state_of(editor, world, f"use={apple.pk}&take={take}")["recalled"]
    assert recalled["params"]["prompt"] == "a red apple"
    assert kept <= recalled["params"].keys()
    assert ("seed" in recalled["params"]) == ("seed" in kept)
    assert (recalled["model"] == "painter") == (take != "prompt")
    assert (recalled.get("model_name") == "Painter") == (take != "prompt")
    assert recalled["params"]["negative_prompt"] == "", "what stood there before is cleared"
    assert "batch" not in recalled["params"]


def test_a_picture_to_start_from(world: World, editor: Client, painter: HostedModel) -> None:
    photo = uploaded(world.project, world.owner)
    recalled = state_of(editor, world, f"source={photo.pk}")["recalled"]
    size = {"width": 640, "height": 480}
    assert recalled == {"model": "", "params": {"source": photo.pk}, "source_size": size, "source_model": ""}
    made = painted(world.project, world.owner, painter, "a boat")
    recalled = state_of(editor, world, f"source={made.pk}")["recalled"]
    assert recalled["source_model"] == painter.pk
    assert recalled["params"] == {"prompt": "a boat", "negative_prompt": "", "source": made.pk}
    assert state_of(editor, world, f"use={photo.pk}")["recalled"] is None
    assert state_of(editor, world, "use=nonsense&source=%00")["recalled"] is None


def test_variations_begin_from_the_picture(world: World, editor: Client, apple: Artifact) -> None:
    answer = editor.post(f"/pictures/{apple.pk}/vary/")
    assert answer.status_code == 302
    jobs = list(GenerationJob.objects.filter(state=State.QUEUED).order_by("params__seed"))
    assert [job.params["source"] for job in jobs] == [apple.pk] * 4
    seeds = [job.params["seed"] for job in jobs]
    assert seeds == list(range(seeds[0], seeds[0] + 4))
    assert {job.params["prompt"] for job in jobs} == {"a red apple"}


def test_where_models_start_from_no_picture_nothing_offers_it(
    world: World, editor: Client, painter: HostedModel, apple: Artifact
) -> None:
    """Who asks for it all the same, from a page that was open before, goes back to it with a sentence."""
    hosted_painter("janus", replace(FACTS, takes_source=False, takes_mask=False))
    boat = painted(world.project, world.editor, HostedModel.objects.get(pk="janus"), "a boat")
    page = facts_on(editor, boat)
    assert "Start from it" in page, "another model can"
    assert "Vary" not in page
    assert "Vary" in facts_on(editor, apple)
    facts = {name: value for name, value in asdict(FACTS).items() if name != "takes_source"}
    ModelVersion.objects.filter(hosted_model=painter).update(image_facts=facts)
    assert "Vary" in facts_on(editor, apple), "older facts don't say it"
    HostedModel.objects.filter(pk=painter.pk).update(is_enabled=False)
    assert "Start from it" not in facts_on(editor, boat)
    answer = editor.post(f"/pictures/{boat.pk}/vary/", follow=True)
    assert answer.redirect_chain == [(f"/pictures/{boat.pk}/", 302)]
    assert "This model takes no source." in answer.content.decode()
    empty = painted(world.project, world.editor, HostedModel.objects.get(pk="janus"), "")
    assert "the prompt is empty" in editor.post(f"/pictures/{empty.pk}/vary/", follow=True).content.decode()
    assert not GenerationJob.objects.filter(state=State.QUEUED).exists()


def test_an_uploaded_picture_cannot_be_varied(world: World, editor: Client, painter: HostedModel) -> None:
    photo = uploaded(world.project, world.editor)
    answer = editor.post(f"/pictures/{photo.pk}/vary/", {}, content_type="application/json")
    assert answer.status_code == 422
    assert "Use it as a source" in answer.json()["error"]["message"]


def test_the_page_of_a_picture(world: World, editor: Client, painter: HostedModel) -> None:
    first = painted(world.project, world.owner, painter, "first")
    second = painted(world.project, world.owner, painter, "second", source=first.pk, negative_prompt="dull")
    third = painted(world.project, world.owner, painter, "third <b>")
    page = editor.get(f"/pictures/{second.pk}/?person={world.owner.pk}").content.decode()
    for address in (first.pk, third.pk):
        assert f'href="/pictures/{address}/?person={world.owner.pk}"' in page
    assert "Made from this picture" in page
    assert "Made from this one" not in page
    assert "Not: dull" in page
    assert "Strength" in page
    assert f"use={second.pk}&amp;take=no-seed" in page
    last = editor.get(f"/pictures/{third.pk}/").content.decode()
    assert "Made from this one" not in last
    assert "third &lt;b&gt;" in last
    assert "data-newer" not in last


def test_a_picture_shows_what_was_made_from_it(world: World, editor: Client, painter: HostedModel) -> None:
    first = painted(world.project, world.owner, painter, "first")
    made = [painted(world.project, world.owner, painter, f"of it {each}", source=first.pk) for each in range(14)]
    painted(world.project, world.owner, painter, "twin", source=first.pk, reproduces=made[-1].job_id)
    Artifact.objects.filter(pk=made[-2].pk).update(deleted_at=timezone.now())
    page = editor.get(f"/pictures/{first.pk}/").content.decode()
    assert 'data-copy-text="7"' in page
    assert 'data-copy="#prompt-text"' in page
    found = re.findall(r'class="picture-made" href="/pictures/(\w+)/"', page)
    assert found == [each.pk for each in reversed(made) if each != made[-2]][:12], "the newest ones that are there"
    assert 'alt="of it 13"' in page


@pytest.mark.parametrize("given", ["nope", "%00", "0" * 16, "é" * 16])
def test_odd_ids_are_not_found(world: World, editor: Client, given: str) -> None:
    assert editor.get(f"/pictures/{given}/").status_code == 404
    assert editor.get(f"/p/{given}/studio/").status_code == 404
    assert editor.post(f"/boards/{given}/delete/", {}, content_type="application/json").status_code == 404


@pytest.mark.parametrize("carries", [Carries.FULL, Carries.A1111])
def test_what_a_dropped_picture_tells(world: World, editor: Client, painter: HostedModel, carries: Carries) -> None:
    params = ImageParams("a red apple", "dull", 64, 72, 9, 3.5, 4711, "euler", adapter_strength=0.5)
    data = download(png_of(picture(1, 64, 72)), Origin(params, painter.name, "0" * 64), carries)
    told = editor.post(f"/p/{world.project.pk}/studio/read/", sent(data)).json()
    assert (told["found"], told["model"]) == (True, painter.pk)
    assert {"prompt": "a red apple", "negative_prompt": "dull", "steps": 9, "seed": 4711}.items() <= told[
        "params"
    ].items()
    assert told["params"]["adapter_strength"] == 0.5
    assert told["missing"] == []


def test_what_is_not_available_here_is_said(world: World, editor: Client, painter: HostedModel) -> None:
    params = ImageParams("a red apple", scheduler="heun")
    data = download(png_of(picture(1)), Origin(params, "Far Away XL", "0" * 64), Carries.FULL)
    told = editor.post(f"/p/{world.project.pk}/studio/read/", sent(data)).json()
    assert (told["found"], told["model"]) == (True, "")
    assert "Far Away XL, is not available here" in told["missing"][0]
    assert "heun, is not available here" in told["missing"][1]
    assert told["params"]["scheduler"] is None


def test_what_a_file_does_not_tell_is_emptied(world: World, editor: Client, painter: HostedModel) -> None:
    """Else what stood in the form before would be made with it."""
    png = png_of(picture(1, 64, 72))
    full = Origin(ImageParams("a red apple", "", 64, 72), painter.name, "0" * 64, has_source=True, has_mask=True)
    told = editor.post(f"/p/{world.project.pk}/studio/read/", sent(download(png, full, Carries.FULL))).json()
    assert told["params"].keys() == {*PARAMS} - {"batch"}
    assert told["params"]["negative_prompt"] == ""
    assert (told["params"]["source"], told["params"]["mask"]) == (None, None)
    assert "a picture and a mask, which are not in the file" in told["missing"][0]
    text = Origin(ImageParams("a red apple", seed=2**40), painter.name, "0" * 64)
    told = editor.post(f"/p/{world.project.pk}/studio/read/", sent(download(png, text, Carries.A1111))).json()
    assert told["params"]["negative_prompt"] == ""
    assert told["params"]["seed"] is None
    assert told["missing"] == [
        "Its seed, 1099511627776, is too large here, where 4294967295 is the largest: a new one is taken."
    ]


def sent(data: bytes, name: str = "picture.png", media: str = "image/png") -> dict[str, SimpleUploadedFile]:
    return {"picture": SimpleUploadedFile(name, data, media)}


def test_a_picture_that_tells_nothing(world: World, editor: Client, painter: HostedModel) -> None:
    answer = editor.post(f"/p/{world.project.pk}/studio/read/", sent(png_of(picture(1))))
    assert answer.json() == {"found": False, "model": "", "params": {}, "by": "", "missing": []}
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", b"MZ" * 50])
def test_what_is_no_picture_is_refused(world: World, editor: Client, painter: HostedModel, data: bytes) -> None:
    for path in ("read", "mask"):
        answer = editor.post(f"/p/{world.project.pk}/studio/{path}/", sent(data))
        assert answer.status_code == 422, path
        assert answer.json()["error"]["message"]
    assert editor.post(f"/p/{world.project.pk}/studio/read/", {}).status_code == 422


def test_a_mask_is_kept_and_not_shown(world: World, editor: Client, painter: HostedModel, apple: Artifact) -> None:
    """White is drawn anew; what is black stays, and so does what is transparent, whatever colour lies below."""
    clear = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    clear.paste((255, 255, 255, 255), (0, 0, 16, 16))
    answer = editor.post(f"/p/{world.project.pk}/studio/mask/", sent(png_of(clear)))
    assert answer.status_code == 201
    kept = Mask.objects.get()
    assert kept.pk == answer.json()["id"]
    assert kept.pk not in editor.get(f"/p/{world.project.pk}/studio/").content.decode()
    with Image.open(path_of(kept.pk)) as mask:
        assert (mask.mode, mask.getpixel((4, 4)), mask.getpixel((40, 40))) == ("L", 255, 0)


@pytest.mark.parametrize(
    ("mask", "name", "media", "sentence"),
    [
        (Image.new("L", (64, 64)), "mask.png", "image/png", "The mask has nothing white"),
        (Image.new("RGBA", (64, 64), (255, 255, 255, 0)), "mask.png", "image/png", "The mask has nothing white"),
        (Image.new("L", (64, 64), 255), "mask.jpg", "image/jpeg", "it is a PNG"),
    ],
)
def test_what_is_no_mask_is_refused(
    world: World, editor: Client, painter: HostedModel, mask: Image.Image, name: str, media: str, sentence: str
) -> None:
    answer = editor.post(f"/p/{world.project.pk}/studio/mask/", sent(png_of(mask), name, media))
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]["message"]
    assert not Artifact.objects.exists()


def test_parameters_of_tests_are_those_of_jobs(world: World, ask: Any) -> None:
    ask({"prompt": "a red apple"})
    assert GenerationJob.objects.get().params.keys() == PARAMS.keys()
