"""What was asked with a prompt of the library counts as its use, and its answer can be rated where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.conversations.models import Conversation, Message
from apps.generations.models import GenerationJob, State
from apps.projects.models import Membership, Role
from apps.prompts import actions
from apps.prompts.access import get_revision
from apps.prompts.actions.running import run_prompt
from apps.prompts.models import Audience, Prompt, PromptRun
from apps.prompts.ratings import ratings_of
from tests.conversations.build import end, post, send
from tests.prompts.build import write
from tests.world import World


def signed_in(world: World, person: str) -> Client:
    client = Client()
    client.force_login(world.person(person))
    return client


def shown(client: Client, conversation: Conversation) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = client.get(f"/c/{conversation.pk}/messages/").json()["messages"]
    return messages


def test_a_send_that_names_a_prompt_is_a_use_of_it(world: World, editor: Client, conversation: Conversation) -> None:
    prompt = write(world.stranger)
    question, answer = send(editor, conversation, "See Rome.", revision=prompt.head_id).json()["messages"]
    run = PromptRun.objects.get()
    assert (run.revision_id, run.user, run.job_id) == (prompt.head_id, world.editor, answer["job"]["id"])
    assert run.model_id == conversation.hosted_model_id
    assert "run" not in question
    assert answer["run"] == {"id": run.pk, "rating": None}
    prompt.refresh_from_db()
    assert prompt.use_count == 1
    assert AuditEvent.objects.get(action="prompt.used").details["job"] == run.job_id


def test_a_repeated_send_is_one_use(world: World, editor: Client, conversation: Conversation) -> None:
    prompt = write(world.stranger)
    sent = {"revision": prompt.head_id, "client_id": "the-same-send"}
    first = send(editor, conversation, "See Rome.", **sent)
    actions.delete(actor=world.stranger, prompt=prompt)
    again = send(editor, conversation, "See Rome.", **sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert PromptRun.objects.count() == 1


@pytest.mark.parametrize("why", ["private", "not to run", "hidden", "deleted", "none", "nul", "no id"])
def test_who_may_not_run_it_uses_nothing(world: World, editor: Client, conversation: Conversation, why: str) -> None:
    prompt = write(world.stranger, Audience.PRIVATE if why == "private" else Audience.PUBLIC)
    if why == "not to run":
        Prompt.objects.update(run_audience=Audience.PRIVATE)
    if why == "hidden":
        Prompt.objects.update(hidden_at=timezone.now())
    if why == "deleted":
        actions.delete(actor=world.stranger, prompt=prompt)
    named = {"none": "0" * 16, "nul": "\x00", "no id": ["x"]}.get(why, prompt.head_id)
    answer = send(editor, conversation, "See Rome.", revision=named)
    assert answer.status_code == (422 if why == "no id" else 409)
    assert answer.json()["error"]["code"] == ("invalid" if why == "no id" else "prompt_gone")
    assert not PromptRun.objects.exists()
    assert not Message.objects.exists()
    assert not GenerationJob.objects.exists()
    assert send(editor, conversation, "See Rome.").status_code == 201


def test_asking_again_is_another_use_of_the_same_prompt(
    world: World, editor: Client, conversation: Conversation
) -> None:
    prompt = write(world.stranger)
    _, answer = send(editor, conversation, "See Rome.", revision=prompt.head_id).json()["messages"]
    end(answer["id"], "I see it.")
    url = f"/c/{conversation.pk}/messages/{answer['id']}/regenerate/"
    (other,) = post(editor, url, {"client_id": "another-answer"}).json()["messages"]
    assert other["run"]["id"] != answer["run"]["id"]
    assert list(PromptRun.objects.values_list("revision", flat=True)) == [prompt.head_id] * 2


def test_a_member_who_may_not_run_it_asks_again_without_it(
    world: World, editor: Client, conversation: Conversation
) -> None:
    prompt = write(world.editor, Audience.PRIVATE)
    _, answer = send(editor, conversation, "See Rome.", revision=prompt.head_id).json()["messages"]
    end(answer["id"], "I see it.")
    url = f"/c/{conversation.pk}/messages/{answer['id']}/regenerate/"
    again = post(signed_in(world, "owner"), url, {"client_id": "another-answer"})
    assert again.status_code == 201
    assert "run" not in again.json()["messages"][0]
    assert PromptRun.objects.count() == 1


def test_the_rating_of_an_answer_is_its_askers_alone(world: World, editor: Client, conversation: Conversation) -> None:
    prompt = write(world.stranger)
    _, answer = send(editor, conversation, "See Rome.", revision=prompt.head_id).json()["messages"]
    end(answer["id"], "I see it.", State.SUCCEEDED)
    rate = f"/prompts/runs/{answer['run']['id']}/rating/"
    assert post(editor, rate, {"rating": 4}).status_code == 200
    (found,) = ratings_of(prompt)
    assert (found.number, found.model_id, found.median, found.voices) == (1, conversation.hosted_model_id, 4.0, 1)
    assert shown(editor, conversation)[1]["run"] == {"id": answer["run"]["id"], "rating": 4}
    page = editor.get(f"/c/{conversation.pk}/")
    assert page.context["state"]["messages"][1]["run"]["rating"] == 4
    for person in ("owner", "viewer", "stranger"):
        assert post(signed_in(world, person), rate, {"rating": 1}).status_code == 404
    for person in ("owner", "viewer"):
        assert not [each for each in shown(signed_in(world, person), conversation) if "run" in each]
    assert post(editor, rate, {"rating": None}).status_code == 200
    assert ratings_of(prompt) == []


def test_who_may_no_longer_run_it_has_no_voice(world: World, editor: Client, conversation: Conversation) -> None:
    prompt = write(world.owner, Audience.PROJECT, world.project)
    _, answer = send(editor, conversation, "See Rome.", revision=prompt.head_id).json()["messages"]
    rate = f"/prompts/runs/{answer['run']['id']}/rating/"
    Prompt.objects.update(run_audience=Audience.PRIVATE)
    assert post(editor, rate, {"rating": 1}).status_code == 403
    Prompt.objects.update(visibility=Audience.PRIVATE)
    assert post(editor, rate, {"rating": 1}).status_code == 404
    assert "run" not in shown(editor, conversation)[1]
    assert ratings_of(prompt) == []


@pytest.fixture
def run(world: World, model: HostedModel) -> PromptRun:
    """Of a prompt with a system prompt and settings, filled in by the editor, and answered."""
    prompt = write(
        world.stranger, title="Harbour pilot", system="You are a pilot.", user="When is ebb in {{ town }}?",
        variables=[{"name": "town"}], params={"max_tokens": 9, "temperature": 0.4},
    )  # fmt: skip
    started = run_prompt(
        actor=world.editor, revision=get_revision(prompt), project=world.project, model_id=model.pk,
        values={"town": "Rome"},
    )  # fmt: skip
    GenerationJob.objects.filter(pk=started.job_id).update(state=State.SUCCEEDED, output="There is none.")
    PromptRun.objects.filter(pk=started.pk).update(rating=4)
    return started


def go_on(client: Client, run: PromptRun) -> Any:
    return post(client, f"/prompts/runs/{run.pk}/continue/", {})


def test_a_run_goes_on_as_a_conversation_and_nothing_of_it_is_lost(
    world: World, editor: Client, run: PromptRun, model: HostedModel
) -> None:
    jobs, uses = GenerationJob.objects.count(), PromptRun.objects.count()
    answer = go_on(editor, run)
    conversation = Conversation.objects.get()
    assert (answer.status_code, answer.json()) == (201, {"url": f"/c/{conversation.pk}/"})
    assert (conversation.project, conversation.created_by, conversation.title) == (
        world.project, world.editor, "Harbour pilot"
    )  # fmt: skip
    assert (conversation.system_prompt, conversation.hosted_model) == ("You are a pilot.", model)
    assert conversation.params == {"max_tokens": 9, "temperature": 0.4}
    question, said = shown(editor, conversation)
    assert (question["role"], question["text"], question["user"]["id"]) == (
        "user", "When is ebb in Rome?", world.editor.pk
    )  # fmt: skip
    assert (said["text"], said["job"]["id"]) == ("There is none.", run.job_id)
    assert said["run"] == {"id": run.pk, "rating": 4}
    assert editor.get(f"/jobs/{run.job_id}/receipt/").status_code == 200
    assert (GenerationJob.objects.count(), PromptRun.objects.count()) == (jobs, uses), "nothing was computed or used"
    event = AuditEvent.objects.get(action="conversation.run_continued")
    assert (event.actor_id, event.target_id, event.details["run"]) == (world.editor.pk, conversation.pk, run.pk)
    sent = send(editor, conversation, "And in Ostia?", said["id"])
    assert sent.status_code == 201
    told = GenerationJob.objects.get(message=sent.json()["messages"][1]["id"])
    assert [each["role"] for each in told.messages] == ["system", "user", "assistant", "user"]


def test_asked_twice_it_is_one_conversation(editor: Client, run: PromptRun) -> None:
    first, again = go_on(editor, run), go_on(editor, run)
    assert first.json() == again.json()
    conversation = Conversation.objects.get()
    assert conversation.messages.count() == 2
    assert AuditEvent.objects.filter(action="conversation.run_continued").count() == 1
    post(editor, f"/c/{conversation.pk}/delete/", {})
    refusal = go_on(editor, run)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (409, "deleted")
    assert "“Harbour pilot”, which is in the bin of Lighthouse" in refusal.json()["error"]["message"]


@pytest.mark.parametrize(("why", "status"), [("unfinished", 409), ("erased", 409), ("viewer", 403), ("left", 404)])
def test_what_can_t_go_on_is_refused_in_words(
    world: World, editor: Client, run: PromptRun, why: str, status: int
) -> None:
    job, membership = GenerationJob.objects.filter(pk=run.job_id), Membership.objects.filter(user=world.editor)
    if why == "unfinished":
        job.update(state=State.RUNNING)
    if why == "erased":
        job.update(messages=[], output="")
    if why == "viewer":
        membership.update(role=Role.VIEWER)
    if why == "left":
        membership.delete()
    refusal = go_on(editor, run)
    assert refusal.status_code == status
    assert refusal.json()["error"]["message"].endswith(".")
    assert not Conversation.objects.exists()


def test_nobody_else_goes_on_with_it(world: World, run: PromptRun) -> None:
    for person in ("owner", "viewer", "stranger", "admin"):
        assert go_on(signed_in(world, person), run).status_code == 404
