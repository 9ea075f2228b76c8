"""The socket of a studio from end to end, with real PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from apps.catalog.models import HostedModel
from apps.generations.actions import request_cancel, wipe_content
from apps.generations.claims import Held, claim
from apps.generations.endings import finish
from apps.generations.kept_pictures import keep
from apps.generations.models import GenerationJob, State
from apps.generations.outcomes import Outcome
from apps.lib.database import borrowed_connection
from apps.projects.models import Membership, Project
from apps.studio.actions.making import make_pictures
from apps.studio.consumers import StudioConsumer
from engine.types import ImageEvent
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.conversations.socket import sign_in
from tests.generations.pictures import hosted_painter, picture, png_of
from tests.generations.scripted_pictures import pixels_of
from tests.generations.test_worker import lose
from tests.studio.build import painted, painting
from tests.studio.socket import Studio, studio_of
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def painter(transactional_db: None) -> HostedModel:
    return hosted_painter()


@sync_to_async
def make(world: World, name: str = "editor", count: int = 1, prompt: str = "a red apple") -> list[GenerationJob]:
    params = {"prompt": prompt}
    actor = world.person(name)
    return make_pictures(actor=actor, project=world.project, model_id="painter", params=params, count=count)


async def test_members_are_greeted_with_what_is_being_made(world: World, painter: HostedModel) -> None:
    [job] = await make(world)
    for name in ("owner", "editor", "viewer"):
        async with studio_of(world.person(name), world.project.pk) as page:
            assert (page.hello["role"], page.hello["user"]["name"]) == (name, name.title())
            assert [card["id"] for card in page.hello["jobs"]] == [job.pk]


async def test_others_are_turned_away_with_a_code(world: World) -> None:
    for name, code in (("stranger", 4404), ("admin", 4404), ("nobody", 4401)):
        key = "" if name == "nobody" else (await sign_in(world.person(name))).session.session_key
        page = Studio(world.project.pk, key or "")
        assert await page.open()
        assert await page.close_code() == code


async def test_everybody_hears_of_new_pictures_of_those_that_go_and_of_those_that_come_back(
    world: World, painter: HostedModel
) -> None:
    """Whether they are deleted on the wall, several at once, or one on its own page."""
    made = sync_to_async(painted)
    first, second = [await made(world.project, world.editor, painter) for _ in range(2)]
    editor = await sign_in(world.editor)

    async def send(address: str, **data: object) -> None:
        assert (await sync_to_async(editor.post)(address, data, content_type="application/json")).status_code == 200

    async with studio_of(world.viewer, world.project.pk) as page:
        jobs = await make(world, count=3)
        told = (await page.next("jobs"))["jobs"]
        assert [card["id"] for card in told] == [job.pk for job in jobs]
        assert {card["user"]["name"] for card in told} == {"Editor"}
        for what, frame in (("delete", "gone"), ("restore", "back")):
            await send(f"/artifacts/{first.pk}/{what}/")
            assert (await page.next(frame))["pictures"] == [first.pk]
        for what, frame in (("delete", "gone"), ("restore", "back")):
            await send(f"/p/{world.project.pk}/studio/{what}/", pictures=[first.pk, second.pk])
            assert sorted((await page.next(frame))["pictures"]) == sorted([first.pk, second.pk])


async def test_jobs_that_nobody_told_of_are_found(
    world: World, painter: HostedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StudioConsumer, "recheck_seconds", 0.2)
    async with studio_of(world.owner, world.project.pk) as page:
        job = await sync_to_async(painting)(world.project, world.editor, painter)
        assert [card["id"] for card in (await page.next("jobs"))["jobs"]] == [job.pk]
        await page.send(type="ping")
        assert await page.next("pong")


async def test_a_job_is_followed_to_its_end(world: World, painter: HostedModel) -> None:
    [job] = await make(world)
    async with studio_of(world.viewer, world.project.pk) as page:
        await page.send(type="follow", job=job.pk)
        first = await page.next("job")
        assert first["event"]["kind"] == "queued"
        assert first["event"]["position"] == 1
    async with studio_of(world.editor, world.project.pk) as page:
        await page.send(type="cancel", job=job.pk)
        await page.send(type="follow", job=job.pk)
        while (told := await page.next("job"))["event"]["kind"] != "finish":
            pass
        assert told["event"]["state"] == State.CANCELLED


async def test_everybody_hears_how_pictures_end_that_they_do_not_follow(
    world: World, painter: HostedModel, settings: Any, tmp_path: Path
) -> None:
    """A page follows a dozen at most; the others would stand there as waiting."""
    settings.ARTIFACT_STORE, settings.MAX_ATTEMPTS = tmp_path, 1

    def cancelled(job: GenerationJob) -> None:
        assert request_cancel(actor=world.owner, job=job)

    def taken() -> Held:
        (job,) = claim("w", ("painter",), 1)
        return Held(job.pk, job.attempt)

    def failed(_: GenerationJob) -> None:
        finish(taken(), Outcome(State.FAILED, "", "error", 0, error_message="Out of memory."))

    def made(_: GenerationJob) -> None:
        image = picture(1)
        kept = keep(ImageEvent("x", png_of(image), *image.size, pixels_of(image)))
        finish(taken(), Outcome(State.SUCCEEDED, "", "stop", 0, steps=6, picture=kept))

    def lost(job: GenerationJob) -> None:
        taken()
        assert lose(job)

    def erased(job: GenerationJob) -> None:
        assert wipe_content([job.pk])

    ends = {cancelled: "cancelled", failed: "failed", made: "succeeded", lost: "failed", erased: "cancelled"}
    async with studio_of(world.viewer, world.project.pk) as page:
        for end, state in ends.items():
            [job] = await make(world)
            # As in a worker: in a thread without an event loop.
            await asyncio.to_thread(in_thread_of_its_own, end, job)
            told = await page.next("job")
            assert (told["job"], told["event"]["kind"], told["event"]["state"]) == (job.pk, "finish", state)
            assert bool(told["event"]["artifact"]) == (state == "succeeded")
            assert told["event"]["error"] == {failed: "Out of memory."}.get(end, told["event"]["error"])


def in_thread_of_its_own(end: Callable[[GenerationJob], None], job: GenerationJob) -> None:
    with borrowed_connection():
        end(job)


async def test_viewers_cancel_nothing(world: World, painter: HostedModel) -> None:
    [job] = await make(world)
    async with studio_of(world.viewer, world.project.pk) as page:
        await page.send(type="cancel", job=job.pk)
        assert (await page.next("error"))["code"] == "forbidden"
    assert await GenerationJob.objects.filter(pk=job.pk, state=State.QUEUED).aexists()


async def test_jobs_of_others_and_texts_are_not_there(world: World, painter: HostedModel) -> None:
    def elsewhere() -> list[str]:
        other = Project.objects.create(name="Elsewhere")
        talk = make_conversation(world.project, world.owner, listed_model(), "Tides")
        answer = answered(asked(talk, "When is high tide?"), "", State.RUNNING)
        return [painting(other, world.editor, painter).pk, answer.job_id or "", "0" * 16]

    ids = await sync_to_async(elsewhere)()
    async with studio_of(world.editor, world.project.pk) as page:
        assert page.hello["jobs"] == []
        for identifier in ids:
            for command in ("follow", "cancel"):
                await page.send(type=command, job=identifier)
                assert (await page.next("error"))["code"] == "not_found", (command, identifier)


async def test_who_is_removed_is_put_out(world: World) -> None:
    async with studio_of(world.viewer, world.project.pk) as page:
        await Membership.objects.filter(user=world.viewer).adelete()
        await get_channel_layer().group_send(f"user.{world.viewer.pk}", {"type": "access.changed"})
        assert await page.close_code() == 4404


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"type": "typing", "on": true}', '{"type": "follow", "job": 7}'])
async def test_nonsense_is_answered_in_words(world: World, text: str) -> None:
    async with studio_of(world.editor, world.project.pk) as page:
        await page.send_raw(text)
        assert (await page.next("error"))["message"].endswith(".")
        await page.send(type="ping")
        assert await page.next("pong")
