"""How sure the model was of an answer: read by whoever reads that, and by nobody else."""

from __future__ import annotations

from django.test import Client

from apps.conversations.actions.sharing import share_conversation
from apps.conversations.models import Conversation
from apps.generations.models import Certainty
from tests.conversations.build import answered, asked, post
from tests.world import World

TOKENS = [["At", 0.5, [["At", 0.5], ["Noon", 0.25]]], [" noon.", 0.875, []]]


def test_it_is_read_with_the_answer(world: World, conversation: Conversation, client: Client) -> None:
    answer = answered(asked(conversation, "When?", user=world.editor), "At noon.")
    assert answer.job
    address = f"/c/{conversation.pk}/messages/{answer.pk}/certainty/"
    client.force_login(world.viewer)
    missing = client.get(address)
    assert missing.status_code == 404
    assert "isn't kept" in missing.json()["error"]["message"]
    Certainty.objects.create(job=answer.job, tokens=TOKENS)
    assert client.get(address).json() == {"tokens": TOKENS, "is_cut": False}
    client.force_login(world.stranger)
    assert client.get(address).status_code == 404


def test_questions_have_none(world: World, conversation: Conversation, editor: Client) -> None:
    question = asked(conversation, "When?", user=world.editor)
    assert editor.get(f"/c/{conversation.pk}/messages/{question.pk}/certainty/").status_code == 404


def test_a_shared_copy_shows_nothing_of_it(world: World, conversation: Conversation) -> None:
    answer = answered(asked(conversation, "When?", user=world.editor), "At noon.")
    assert answer.job
    answer.job.params = {"certainty": True}
    answer.job.save()
    Certainty.objects.create(job=answer.job, tokens=TOKENS)
    shared, _, _ = share_conversation(
        actor=world.editor, conversation=conversation, message_ids=[answer.pk], lifetime=None
    )
    assert set(shared.messages[0]) == {"role", "text", "model", "cut"}


def test_the_setting_is_saved_and_kept_out_of_prompts(world: World, conversation: Conversation, editor: Client) -> None:
    saved = post(editor, f"/c/{conversation.pk}/settings/", {"params": {"certainty": True}})
    assert saved.json()["conversation"]["params"] == {"certainty": True}
    answer = answered(asked(conversation, "When?", user=world.editor), "At noon.")
    prompt = post(editor, f"/c/{conversation.pk}/messages/{answer.pk}/prompt/", {"title": "Noon"}).json()["url"]
    assert editor.get(f"{prompt}revision.json").json()["revision"]["params"] == {}
