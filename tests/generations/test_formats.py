"""Answers held to a format: what is refused before the queue, and what comes out of real engines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.params import clean_params
from engine.config import EngineConfig
from engine.remote.addresses import AddressRules
from engine.service import EngineThread, FolderSource
from engine.store import ModelStore
from tests.engine.openai_server import KEY, OpenAIServer, serving
from tests.generations.conftest import Submit
from tests.generations.scripted import ended, running_worker
from tests.generations.upstreams import far_model, upstream_worker
from tests.world import World

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"mood": {"enum": ["glad", "sad"]}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["mood", "age"],
        "additionalProperties": False,
    },
    indent=2,
)
LONG = 450
"""Tokens: enough with all the space between its parts that JSON may have here."""
WRONG = [
    ({"output_format": "yaml"}, "output_format", "must be one of json"),
    ({"output_format": "json_schema"}, "json_schema", "is empty"),
    ({"output_format": "json_schema", "json_schema": '{"a": 1,\n  b}'}, "json_schema", "in line 2, column 3"),
    ({"output_format": "json_schema", "json_schema": '{"a": NaN}'}, "json_schema", "no NaN"),
    ({"output_format": "json_schema", "json_schema": "[1]"}, "json_schema", "is an object"),
    ({"output_format": "json_schema", "json_schema": '{"a":' * 60 + "1" + "}" * 60}, "json_schema", "60 levels"),
    ({"output_format": "json_schema", "json_schema": '{"a":' * 4000}, "json_schema", "nested too deeply"),
    ({"json_schema": "x" * 20_001}, "json_schema", "1 characters too long"),
    ({"json_schema": "\ud800"}, "json_schema", "must be text"),
    ({"output_format": "regex", "regex": "  "}, "regex", "is empty"),
    ({"output_format": "regex", "regex": "ab)"}, "regex", "“)” at character 3"),
    ({"output_format": "regex", "regex": "(ab"}, "regex", "“(” at character 1"),
    ({"output_format": "regex", "regex": "[ab"}, "regex", "“[” at character 1"),
    ({"output_format": "regex", "regex": "ab\\"}, "regex", "backslash at character 3"),
    ({"output_format": "regex", "regex": "a(?=b)"}, "regex", "looks ahead"),
    ({"output_format": "regex", "regex": r"(a)\1"}, "regex", "refers back"),
]
GOOD = [r"^\d+$", r"[]a]", r"[^]a]", r"[a\[]", r"[[:alpha:](]+", r"\(", r"(?<year>\d{4})", "(?x) a # (", r"\p{L}{1,9}"]


@pytest.mark.parametrize(("raw", "field", "words"), WRONG)
def test_what_is_wrong_with_a_format_is_said_at_its_field(raw: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(ValidationError) as error:
        clean_params(raw)
    assert list(error.value.message_dict) == [field]
    assert words in error.value.message_dict[field][0]


@pytest.mark.parametrize("pattern", GOOD)
def test_expressions_that_the_engine_takes_are_not_refused(pattern: str) -> None:
    assert clean_params({"output_format": "regex", "regex": pattern})["regex"] == pattern


def test_the_texts_of_other_formats_are_kept_but_not_asked_for(submit: Submit) -> None:
    chosen = {"output_format": "regex", "regex": "yes|no", "json_schema": "{unfinished"}
    assert chosen.items() <= clean_params(chosen).items()
    job = submit(**chosen)
    assert (job.params["regex"], job.params["json_schema"]) == ("yes|no", None)


@pytest.fixture
def real(transactional_db: None, tiny_store: tuple[Path, str]) -> Iterator[EngineThread]:
    """Our own engine with the tiny model, and a worker on it."""
    root, digest = tiny_store
    folder = ModelStore(root).path(digest)
    config = EngineConfig(device="cpu", dtype="float32", max_context=512, threads=1)
    engine = EngineThread(FolderSource(**{digest: folder, "there": folder}), config)
    engine.start()
    yield engine
    engine.stop(drain_seconds=0)


def keeps_to_the_schema(text: str) -> bool:
    found = json.loads(text)
    return list(found) == ["mood", "age"] and found["mood"] in ("glad", "sad") and 0 <= found["age"] <= 99


def test_random_weights_answer_in_every_format(submit: Submit, real: EngineThread, settings: Any) -> None:
    settings.LEASE_SECONDS = 20
    with running_worker(real):
        jobs = [
            submit(max_tokens=LONG, output_format="json_schema", json_schema=SCHEMA),
            submit(max_tokens=LONG, output_format="regex", regex="(yes|no): [a-z]{2,5}"),
            submit(max_tokens=40, output_format="json"),
            submit(output_format="json_schema", json_schema='{"type": "array", "uniqueItems": true}'),
        ]
        described, written, free, refused = (ended(job) for job in jobs)
    assert (described.finish_reason, keeps_to_the_schema(described.output)) == ("stop", True)
    assert re.fullmatch("(yes|no): [a-z]{2,5}", written.output)
    assert free.output.lstrip().startswith("{")
    assert (refused.state, refused.error_code) == (State.FAILED, "bad_request")
    assert "uniqueItems" in refused.error_message


@pytest.fixture
def ask_far(world: World, settings: Any) -> Any:
    settings.LEASE_SECONDS = 20
    settings.UPSTREAM_ADDRESSES = AddressRules.parse(["127.0.0.0/8"])

    def ask(**params: Any) -> GenerationJob:
        with transaction.atomic():
            return submit_generation(
                actor=world.editor, project=world.project, model=HostedModel.objects.get(pk="far"),
                messages=[{"role": "user", "content": "How are you?"}], params=params,
            )  # fmt: skip

    return ask


def test_another_server_is_told_of_the_format(ask_far: Any, real: EngineThread, tiny_store: tuple[Path, str]) -> None:
    there = OpenAIServer(real, "there", ModelStore(tiny_store[0]).path(tiny_store[1]))
    with serving(there) as url, upstream_worker():
        far_model(url, key=KEY)
        job = ended(ask_far(max_tokens=LONG, output_format="json_schema", json_schema=SCHEMA))
        ended(ask_far(max_tokens=5, output_format="json"))
    assert (job.error_message, keeps_to_the_schema(job.output)) == ("", True)
    kinds = [body["response_format"]["type"] for body in there.bodies]
    assert kinds == ["json_schema", "json_object"]


def test_another_server_takes_no_regular_expression(ask_far: Any, transactional_db: None) -> None:
    far_model("https://gpu.example.org/v1")
    with pytest.raises(Refused, match="runs on another server"):
        ask_far(output_format="regex", regex="yes|no")
