"""How sure the model was: kept where it is asked for, within bounds, and gone with the texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from apps.catalog.models import HostedModel
from apps.generations import certainty
from apps.generations.actions import submit_generation, wipe_content
from apps.generations.certainty import Gathering
from apps.generations.models import Certainty
from apps.generations.own_rows import generations
from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.store import ModelStore
from engine.types import ChosenLogprob, TokenLogprob
from tests.generations.conftest import Submit
from tests.generations.scripted import ended, running_worker
from tests.generations.upstreams import far_model
from tests.world import World


@pytest.fixture
def real(transactional_db: None, tiny_store: tuple[Path, str]) -> Iterator[EngineThread]:
    root, digest = tiny_store
    config = EngineConfig(device="cpu", dtype="float32", max_context=512, threads=1)
    engine = EngineThread(FolderSource(**{digest: ModelStore(root).path(digest)}), config)
    engine.start()
    yield engine
    engine.stop(drain_seconds=0)


def test_it_is_kept_with_the_answer_where_it_was_asked_for(
    submit: Submit, real: EngineThread, world: World, settings: Any
) -> None:
    settings.LEASE_SECONDS = 20
    with running_worker(real):
        asked, silent = submit(max_tokens=12, certainty=True), submit(max_tokens=12)
        asked, silent = ended(asked), ended(silent)
    kept = Certainty.objects.get(job=asked)
    assert not Certainty.objects.filter(job=silent).exists()
    said = re.sub(r"<\|\w+\|>", "", "".join(text for text, _, _ in kept.tokens))  # control tokens are no text
    assert said.startswith(asked.output.rstrip("\ufffd"))
    for _, probability, others in kept.tokens:
        assert 0 < probability <= 1
        assert len(others) == 5
        assert [value for _, value in others] == sorted((value for _, value in others), reverse=True)
    told = {row["id"]: row["token_probabilities"] for row in generations(world.editor)}
    assert told == {asked.pk: kept.tokens, silent.pk: None}
    wipe_content([asked.pk])
    assert not Certainty.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_another_server_is_not_asked(world: World) -> None:
    far_model("https://gpu.example.org/v1")
    with transaction.atomic():
        job = submit_generation(
            actor=world.editor, project=world.project, model=HostedModel.objects.get(pk="far"),
            messages=[{"role": "user", "content": "How are you?"}], params={"certainty": True},
        )  # fmt: skip
    assert job.params["certainty"] is False


def chosen(*pieces: bytes) -> list[ChosenLogprob]:
    odd = TokenLogprob(7, b"\xf0\x9f", math.log(0.25))
    return [ChosenLogprob(TokenLogprob(3, piece, math.log(0.5)), (odd,)) for piece in pieces]


def test_characters_of_several_tokens_stand_at_the_last_and_nul_at_none() -> None:
    gathering = Gathering()
    gathering.add(chosen(b"a\xe2\x82", b"\xac", b"\0"))
    tokens, is_cut = gathering.result()
    assert [text for text, _, _ in tokens] == ["a", "€", "\ufffd"]
    assert tokens[0][1:] == [0.5, [["\\xf0\\x9f", 0.25]]]
    assert not is_cut


def test_so_many_are_kept_and_it_is_said_that_there_were_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty, "MAX_TOKENS", 3)
    gathering = Gathering()
    gathering.add(chosen(b"a", b"b", b"c"))
    assert not gathering.result().is_cut
    gathering.add(chosen(b"d" * 500))
    assert gathering.result() == (gathering.result().tokens, True)
    assert len(gathering.result().tokens) == 3
