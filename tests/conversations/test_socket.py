"""The socket of a conversation page from end to end, with real PostgreSQL and Redis."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from apps.conversations.consumers import ConversationConsumer
from apps.conversations.models import Conversation
from apps.generations.models import GenerationJob, State
from apps.generations.socket.frames import BURST, MAX_FRAME_BYTES
from apps.projects.models import Membership
from tests.conversations.build import answered, asked, make_conversation, post, send
from tests.conversations.socket import Page, page_of, sign_in
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


async def told_that_access_changed(user_id: str) -> None:
    await get_channel_layer().group_send(f"user.{user_id}", {"type": "access.changed"})


# --- coming in ------------------------------------------------------------------------------------------------------


async def test_members_are_greeted(world: World, conversation: Conversation) -> None:
    for name in ("owner", "editor", "viewer"):
        person = world.person(name)
        async with page_of(person, conversation.pk) as page:
            hello = page.hello  # type: ignore[attr-defined]
            user = {"id": person.pk, "name": name.title(), "initials": name[0].upper()}
            assert hello == {"type": "hello", "user": user, "role": name, "present": [{**user, "typing": False}]}
            await page.send(type="ping")
            assert await page.next("pong")


async def test_others_are_turned_away_with_a_code(world: World, conversation: Conversation) -> None:
    for name, code in (("stranger", 4404), ("admin", 4404), ("nobody", 4401)):
        key = "" if name == "nobody" else (await sign_in(world.person(name))).session.session_key
        page = Page(conversation.pk, key or "")
        assert await page.open()
        assert await page.close_code() == code


async def test_a_made_up_session_is_signed_out(conversation: Conversation) -> None:
    for key in ("nonsense", "x" * 5000, "../../etc/passwd"):
        page = Page(conversation.pk, key)
        assert await page.open()
        assert await page.close_code() == 4401


async def test_no_such_conversation_and_one_in_the_bin(world: World, conversation: Conversation) -> None:
    key = (await sign_in(world.editor)).session.session_key or ""
    await Conversation.objects.aupdate(deleted_at="2026-01-01T00:00Z")
    for identifier in ("0" * 16, "nope", conversation.pk):
        page = Page(identifier, key)
        assert await page.open()
        assert await page.close_code() == 4404


async def test_an_unknown_address_is_refused() -> None:
    assert not await Page("x/y/z").open()


# --- presence -------------------------------------------------------------------------------------------------------


async def test_two_people_see_each_other_come_type_and_go(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as editor:
        async with page_of(world.viewer, conversation.pk) as viewer:
            assert [person["name"] for person in viewer.hello["present"]] == ["Editor", "Viewer"]  # type: ignore[attr-defined]
            await editor.until_present("Editor", "Viewer")
            await editor.send(type="typing", on=True)
            await viewer.until_present("Editor…", "Viewer")
            await editor.send(type="typing", on=False)
            await viewer.until_present("Editor", "Viewer")
            await viewer.send(type="typing", on=True)
            assert (await viewer.next("error"))["code"] == "forbidden"
        await editor.until_present("Editor")


async def test_a_second_tab_is_the_same_person(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as first:
        async with page_of(world.editor, conversation.pk) as second:
            assert len(second.hello["present"]) == 1  # type: ignore[attr-defined]
        assert await first.quiet()


async def test_typing_ends_by_itself(world: World, conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.conversations.presence.TYPING_SECONDS", 1)
    async with page_of(world.owner, conversation.pk) as owner, page_of(world.viewer, conversation.pk) as viewer:
        await owner.send(type="typing", on=True)
        await viewer.until_present("Owner…", "Viewer")
        await viewer.until_present("Owner", "Viewer")


# --- what was committed ---------------------------------------------------------------------------------------------


async def test_a_message_reaches_everybody(world: World, conversation: Conversation) -> None:
    client = await sign_in(world.editor)
    async with page_of(world.editor, conversation.pk) as editor, page_of(world.viewer, conversation.pk) as viewer:
        response = await sync_to_async(send)(client, conversation, "Hello, both.")
        for page in (editor, viewer):
            told = [(await page.next("message"))["message"] for _ in range(2)]
            assert told == response.json()["messages"]
            assert (await page.next("conversation"))["changes"] == {"title": "Hello, both."}


async def test_results_of_tools_reach_everybody(world: World, conversation: Conversation) -> None:
    client = await sign_in(world.editor)

    def give() -> Any:
        answer = answered(asked(conversation, "How is it?"), "")
        calls = [{"name": name, "arguments": "{}", "valid": True} for name in ("get_weather", "get_tide")]
        GenerationJob.objects.filter(message=answer).update(tool_calls=calls)
        url = f"/c/{conversation.pk}/messages/{answer.pk}/results/"
        return post(client, url, {"results": ["18 °C", "high"], "client_id": "the-results"})

    async with page_of(world.viewer, conversation.pk) as viewer:
        response = await sync_to_async(give)()
        told = [(await viewer.next("message"))["message"] for _ in range(3)]
        assert told == response.json()["messages"]
        assert [each["text"] for each in told] == ["18 °C", "high", ""]


async def test_what_was_rolled_back_is_not_told(world: World, conversation: Conversation) -> None:
    client = await sign_in(world.editor)
    async with page_of(world.viewer, conversation.pk) as viewer:
        refused = await sync_to_async(post)(client, f"/c/{conversation.pk}/settings/", {"title": "x", "model": "?"})
        assert refused.status_code == 422
        assert await viewer.quiet()


async def test_changes_and_the_end_of_a_conversation(world: World, conversation: Conversation) -> None:
    client = await sign_in(world.editor)
    async with page_of(world.viewer, conversation.pk) as viewer:
        for path, changes in [("pin", {"is_pinned": True}), ("archive", {"archived": True})]:
            await sync_to_async(post)(client, f"/c/{conversation.pk}/{path}/", {})
            assert (await viewer.next("conversation"))["changes"] == changes
        await sync_to_async(post)(client, f"/c/{conversation.pk}/delete/", {})
        assert (await viewer.next("conversation"))["changes"] == {"deleted": True}
        assert await viewer.close_code() == 4404


# --- losing access --------------------------------------------------------------------------------------------------


async def test_a_removed_member_is_cut_off_at_once(world: World, conversation: Conversation) -> None:
    async with page_of(world.viewer, conversation.pk) as viewer:
        await Membership.objects.filter(user=world.viewer).adelete()
        await told_that_access_changed(world.viewer.pk)
        assert await viewer.close_code(seconds=1) == 4404


async def test_without_a_push_at_the_next_check(
    world: World, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConversationConsumer, "recheck_seconds", 0.2)
    async with page_of(world.viewer, conversation.pk) as viewer:
        await Membership.objects.filter(user=world.viewer).adelete()
        assert await viewer.close_code(seconds=2) == 4404


async def test_signing_out_closes_the_pages(world: World, conversation: Conversation) -> None:
    client = await sign_in(world.editor)
    page = Page(conversation.pk, client.session.session_key or "")
    assert await page.open()
    await page.next("hello")
    await sync_to_async(client.post)("/accounts/logout/")
    assert await page.close_code(seconds=3) == 4401


async def test_deactivation_and_a_new_password_close_them_too(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as editor, page_of(world.owner, conversation.pk) as owner:
        world.editor.is_active = False
        await world.editor.asave()
        world.owner.set_password("another one entirely")
        await world.owner.asave()
        for user, page in ((world.editor, editor), (world.owner, owner)):
            await told_that_access_changed(user.pk)
            assert await page.close_code(seconds=1) == 4401


async def test_a_smaller_role_counts_at_once(world: World, conversation: Conversation) -> None:
    job = await sync_to_async(_running_job)(conversation)
    async with page_of(world.editor, conversation.pk) as editor:
        await Membership.objects.filter(user=world.editor).aupdate(role=10)
        await editor.send(type="cancel", job=job.pk)
        assert (await editor.next("error"))["code"] == "forbidden"
        await job.arefresh_from_db()
        assert job.cancel_requested_at is None
        await told_that_access_changed(world.editor.pk)
        assert (await editor.next("hello"))["role"] == "viewer"


# --- bad input ------------------------------------------------------------------------------------------------------


BAD_FRAMES = (
    "", "{", "null", "[]", "7", '"x"', "{}", '{"type":"x"}', '{"type":"follow"}', '{"type":"follow","job":1}',
    '{"type":"typing","on":"yes"}',
)  # fmt: skip


async def test_bad_frames_get_a_sentence_and_change_nothing(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as page:
        for text in BAD_FRAMES:
            await page.send_raw(text)
            error = await page.next("error")
            assert error["code"]
            assert error["message"].endswith(".")
        await page.send(type="ping")
        assert await page.next("pong")


async def test_bytes_are_no_frame(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as page:
        await page.send_raw(data=b'{"type":"ping"}')
        assert (await page.next("error"))["code"] == "not_text"


async def test_too_large_closes(world: World, conversation: Conversation) -> None:
    large = "é" * (MAX_FRAME_BYTES // 2 + 1)
    for text, data in ((large, None), (None, large.encode())):
        async with page_of(world.editor, conversation.pk) as page:
            await page.send_raw(text, data)
            assert (await page.next("error"))["code"] == "too_large"
            assert await page.close_code() == 1009


async def test_too_fast_closes(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as page:
        for _ in range(BURST * 2):
            await page.send(type="ping")
        assert (await page.next("error"))["code"] == "too_fast"
        assert await page.close_code() == 4429


async def test_a_burst_is_fine(world: World, conversation: Conversation) -> None:
    async with page_of(world.editor, conversation.pk) as page:
        for _ in range(BURST - 5):
            await page.send(type="ping")
        for _ in range(BURST - 5):
            await page.next("pong")


# --- jobs -----------------------------------------------------------------------------------------------------------


def _running_job(conversation: Conversation, state: str = State.RUNNING) -> GenerationJob:
    job = answered(asked(conversation, "Question?"), "", state).job
    assert job
    return job


async def test_a_job_of_another_conversation_does_not_exist_here(world: World, conversation: Conversation) -> None:
    elsewhere = await sync_to_async(make_conversation)(world.project, world.owner, conversation.hosted_model)
    job = await sync_to_async(_running_job)(elsewhere)
    async with page_of(world.editor, conversation.pk) as page:
        for kind in ("follow", "cancel"):
            await page.send(type=kind, job=job.pk)
            assert (await page.next("error"))["code"] == "not_found"
        await job.arefresh_from_db()
        assert job.cancel_requested_at is None


async def test_editors_stop_an_answer_and_viewers_do_not(world: World, conversation: Conversation) -> None:
    job = await sync_to_async(_running_job)(conversation)
    async with page_of(world.viewer, conversation.pk) as viewer:
        await viewer.send(type="cancel", job=job.pk)
        assert (await viewer.next("error"))["code"] == "forbidden"
    async with page_of(world.editor, conversation.pk) as editor:
        await editor.send(type="cancel", job=job.pk)
        await editor.send(type="ping")
        await editor.next("pong")
    await job.arefresh_from_db()
    assert job.cancel_requested_at


async def test_a_page_follows_eight_answers_at_most(world: World, conversation: Conversation) -> None:
    jobs = [await sync_to_async(_running_job)(conversation, State.QUEUED) for _ in range(9)]
    async with page_of(world.editor, conversation.pk) as page:
        for job in jobs[:8]:
            await page.send(type="follow", job=job.pk, attempt=0, seq=0)
        await page.send(type="follow", job=jobs[8].pk, attempt=0, seq=0)
        assert (await page.next("error"))["code"] == "too_many"
        await page.send(type="unfollow", job=jobs[0].pk)
        await page.send(type="follow", job=jobs[8].pk, attempt=0, seq=0)
        assert (await page.next("job"))["job"]
