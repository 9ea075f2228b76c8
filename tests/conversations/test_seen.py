"""From an uploaded picture to the answer, through a real worker and a tiny random Janus: as transformers has it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from django.test import Client
from PIL import Image
from transformers import JanusForConditionalGeneration, JanusProcessor

from apps.conversations.models import Conversation
from apps.generations.local_engine import StoreSource
from apps.generations.models import Artifact, GenerationJob, State
from apps.generations.picture_store import path_of
from apps.generations.runner import Runner
from apps.lib.redis import sync_client
from engine.config import EngineConfig
from engine.service import EngineThread
from tests.conversations.build import post, send
from tests.conversations.seeing import attach
from tests.engine.pictures.files import drawing, encoded
from tests.generations.scripted import ended, stopped_at_the_end

pytestmark = pytest.mark.django_db(transaction=True)
GREEDY = {"temperature": 0, "repetition_penalty": 1, "max_tokens": 16}
SYSTEM = "Be brief."
CAT, BOAT = encoded(drawing()), encoded(drawing(80, 64).rotate(90))


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"
    sync_client().flushdb()


@pytest.fixture
def worker(talk: Conversation) -> Iterator[Runner]:
    """Started before anything is asked; the conversation wants greedy answers."""
    Conversation.objects.filter(pk=talk.pk).update(params=GREEDY, system_prompt=SYSTEM)
    engine = EngineThread(StoreSource(), EngineConfig(device="cpu", dtype="float32", threads=1, max_context=256))
    engine.start()
    runner = Runner(engine, worker_id="sees", device="cpu", slots=2, served=lambda: ("janus",))
    with stopped_at_the_end(runner):
        yield runner


def expected(folder: Path, turns: list[tuple[str, str, list[bytes]]]) -> str:
    """What transformers' own processor and `generate` make of this conversation."""
    processor, model = JanusProcessor.from_pretrained(folder), JanusForConditionalGeneration.from_pretrained(folder)
    parts = [
        {"role": role, "content": [*({"type": "image"} for _ in pictures), {"type": "text", "text": text}]}
        for role, text, pictures in turns
    ]
    seen = [Image.open(io.BytesIO(one)) for _, _, pictures in turns for one in pictures]
    text = processor.apply_chat_template(parts, add_generation_prompt=True)
    inputs = processor(text=text, images=seen, return_tensors="pt")
    with torch.inference_mode():
        output = model.eval().generate(**inputs, generation_mode="text", max_new_tokens=16, do_sample=False)
    return str(processor.tokenizer.decode(output[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))


def answer(client: Client, talk: Conversation, text: str, parent: str | None, pictures: list[str]) -> GenerationJob:
    sent = send(client, talk, text, parent, pictures=pictures)
    assert sent.status_code == 201, sent.content
    job = ended(GenerationJob.objects.get(message=sent.json()["messages"][1]["id"]), seconds=120)
    assert job.state == State.SUCCEEDED, job.error_message
    return job


def test_the_answer_is_about_the_pictures(
    worker: Runner, editor: Client, talk: Conversation, janus_folder: Path
) -> None:
    """Of this turn and of earlier ones; another picture makes another answer."""
    cat, boat = attach(editor, talk, CAT)["id"], attach(editor, talk, BOAT)["id"]
    first = answer(editor, talk, "What is this?", None, [cat])
    start = [("system", SYSTEM, []), ("user", "What is this?", [CAT])]
    assert first.output == expected(janus_folder, start)
    other = answer(editor, talk, "What is this?", None, [boat])
    assert other.output != first.output
    later = answer(editor, talk, "And these?", first.message.pk, [boat, cat])
    turns = [*start, ("assistant", first.output, []), ("user", "And these?", [BOAT, CAT])]
    assert later.output == expected(janus_folder, turns)


def test_a_receipt_tells_what_was_seen_and_it_can_be_made_again(
    worker: Runner, editor: Client, talk: Conversation
) -> None:
    cat = attach(editor, talk, CAT)["id"]
    first = answer(editor, talk, "What is this?", None, [cat])
    receipt = editor.get(f"/jobs/{first.pk}/receipt.json").json()
    assert receipt["asked"]["pictures"] == [Artifact.objects.get(pk=cat).pixels_sha256]
    assert receipt["asked"]["pictures"][0] in editor.get(f"/jobs/{first.pk}/receipt/").content.decode()
    again = ended(GenerationJob.objects.get(pk=post(editor, f"/jobs/{first.pk}/reproduce/", {}).json()["job"]), 120)
    assert (again.output, again.receipt["reproduction"]["verdict"]) == (first.output, "bit-exact")


def test_a_picture_that_is_gone_by_then_ends_the_answer_in_words(
    worker: Runner, editor: Client, talk: Conversation
) -> None:
    cat = attach(editor, talk, CAT)["id"]
    first = answer(editor, talk, "What is this?", None, [cat])
    path_of(cat).unlink()
    sent = send(editor, talk, "And its colour?", first.message.pk)
    job = ended(GenerationJob.objects.get(message=sent.json()["messages"][1]["id"]), seconds=60)
    assert (job.state, job.error_code) == (State.FAILED, "bad_request")
    assert "was erased before it was answered" in job.error_message
    refused = post(editor, f"/jobs/{first.pk}/reproduce/", {})
    assert refused.json()["error"]["code"] == "erased"
