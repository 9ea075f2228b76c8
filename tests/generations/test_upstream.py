"""Jobs of models that other servers run: the same way from submit to ledger, over a real socket to a real engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from apps.audit.models import AuditEvent
from apps.catalog.actions import set_answer_format, set_reasoning
from apps.catalog.models import HostedModel, ReasoningPolicy
from apps.generations.actions import request_cancel, submit_generation
from apps.generations.models import GenerationJob, State, Worker
from apps.generations.presence import is_served
from apps.generations.queue import place_of, usage_of
from apps.generations.replay import said_in_log
from apps.generations.served import served_models
from apps.lib.database import in_thread
from apps.lib.redis import sync_client
from apps.quotas.models import LedgerEntry, UsageTotal
from engine.config import EngineConfig
from engine.remote.addresses import AddressRules
from engine.remote.estimate import estimated_tokens
from engine.service import EngineThread, FolderSource
from engine.store import ModelStore
from engine.types import SamplingParams
from tests.engine.faulty_server import DONE, HEAD, answers, chunk, faulty, says, then_hangs
from tests.engine.openai_server import KEY, OpenAIServer, serving
from tests.engine.recorder import submit as submit_here
from tests.generations.reader import Reader
from tests.generations.scripted import ended, until
from tests.generations.upstreams import far_model, upstream_worker
from tests.world import World

Ask = Callable[..., GenerationJob]
USAGE = chunk(usage={"prompt_tokens": 9, "completion_tokens": 2})
GOOD = says(chunk("Hello"), chunk(" there", "stop"), USAGE, DONE)
MESSAGES = [{"role": "user", "content": "Where is 日本?"}]


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    settings.LEASE_SECONDS = 20  # a busy machine must not make a second attempt of the first
    settings.UPSTREAM_ADDRESSES = AddressRules.parse(["127.0.0.0/8"])


@pytest.fixture
def ask(world: World, transactional_db: None) -> Ask:
    def make(**params: Any) -> GenerationJob:
        with transaction.atomic():
            return submit_generation(
                actor=world.editor, project=world.project, model=HostedModel.objects.get(pk="far"), messages=MESSAGES,
                params=params,
            )  # fmt: skip

    return make


@pytest.fixture
def there(tiny_store: tuple[Path, str]) -> Iterator[OpenAIServer]:
    """The other server: our own engine with the tiny model."""
    root, digest = tiny_store
    folder = ModelStore(root).path(digest)
    config = EngineConfig(device="cpu", dtype="float32", max_context=512, threads=1)
    engine = EngineThread(FolderSource(there=folder), config)
    engine.start()
    yield OpenAIServer(engine, "there", folder)
    engine.stop(drain_seconds=0)


def booked(job: GenerationJob) -> tuple[int, int]:
    """Tokens that the ledger has for a job, and tokens that are still set aside for anybody."""
    entry = LedgerEntry.objects.get(job_id=job.pk, kind="settle")
    return entry.tokens, UsageTotal.objects.filter(subject="site").aggregate(sum=Sum("reserved_tokens"))["sum"]


def test_a_job_is_answered_by_the_other_server(ask: Ask, there: OpenAIServer) -> None:
    prompt = there.format.encode(MESSAGES)
    with serving(there) as url:
        far_model(url, key=KEY)
        job = ask(max_tokens=60, seed=5)
        assert (job.prompt_ids, job.usage_estimated) == ([], True)
        assert place_of(job).reason == "no_worker"
        with upstream_worker():
            job = ended(job)
            until(lambda: is_served("far"), 60)
            assert Worker.objects.get().device == "upstream"
    params = SamplingParams(temperature=0.7, top_p=0.95, max_tokens=60, seed=5)
    here = submit_here(there.engine, "there", prompt, params, "here")
    here.finish()
    assert (job.state, job.error_message) == (State.SUCCEEDED, "")
    assert job.output == here.text.replace("\0", "\ufffd")
    assert there.bodies[0]["messages"] == MESSAGES
    counted = there.ends[0].usage.completion_tokens
    assert (job.prompt_tokens, job.completion_tokens, job.usage_estimated) == (len(prompt), counted, False)
    assert booked(job) == (len(prompt) + counted, 0)
    assert job.device_ms is not None
    assert 0 < job.device_ms < 60_000
    event = AuditEvent.objects.get(action="generation.succeeded")
    assert event.details["completion_tokens"] == job.completion_tokens
    assert job.output not in str(event.details)


async def test_its_readers_see_the_same_stream(ask: Ask, world: World) -> None:
    with faulty(GOOD) as server:
        await in_thread(far_model, server.url)
        job = await in_thread(ask)
        with upstream_worker():
            reader = await Reader(job.pk).run()
    assert reader.text == "Hello there"
    assert reader.end is not None
    assert reader.end["usage"]["estimated"] is False


def test_a_cancel_closes_the_connection(ask: Ask, world: World) -> None:
    with faulty(then_hangs(HEAD, chunk("Once upon"))) as server, upstream_worker():
        far_model(server.url)
        job = ask()
        until(lambda: said_in_log(sync_client(), job.pk, 1).text == "Once upon", 60)
        request_cancel(actor=world.editor, job=job)
        job = ended(job)
        assert server.connections[0].closed.wait(60)
    assert (job.state, job.output, job.usage_estimated) == (State.CANCELLED, "Once upon", True)
    assert booked(job) == (estimated_tokens(MESSAGES) + 1, 0)


def test_it_is_asked_again_before_the_first_token_only(ask: Ask) -> None:
    with faulty(answers("503 Busy"), GOOD, says(chunk("Hel")), GOOD) as server, upstream_worker():
        far_model(server.url)
        assert ended(ask()).output == "Hello there"
        assert len(server.connections) == 2
        job = ended(ask())
        assert len(server.connections) == 3
    assert (job.state, job.error_code, job.output) == (State.FAILED, "upstream_broken", "Hel")
    assert (job.prompt_tokens, job.completion_tokens) == (estimated_tokens(MESSAGES), 1)
    assert usage_of(job)["estimated"] is True
    assert booked(job) == (job.prompt_tokens + 1, 0)


def test_nothing_is_booked_where_nobody_answered(ask: Ask) -> None:
    with faulty(answers("401 No")) as server, upstream_worker():
        far_model(server.url)
        job = ended(ask())
    assert (job.state, job.error_code, job.prompt_tokens, job.device_ms) == (State.FAILED, "upstream_refused", 0, 0)
    assert booked(job) == (0, 0)


def test_too_long_is_the_server_s_own_word(ask: Ask) -> None:
    said = b'{"error": {"message": "maximum context length is 8 tokens. However, your messages resulted in 9"}}'
    with faulty(answers("400 Bad Request", body=said)) as server, upstream_worker():
        far_model(server.url, context_length=8)
        job = ended(ask())
    assert (job.error_code, "reads 8 tokens at most" in job.error_message) == ("context_overflow", True)


def test_a_stopping_worker_puts_its_job_back(ask: Ask) -> None:
    with faulty(then_hangs(HEAD, chunk("Once upon")), GOOD) as server:
        far_model(server.url)
        job = ask()
        with upstream_worker():
            assert server.was_asked.wait(60)
        job.refresh_from_db()
        assert (job.state, job.worker_id) == (State.QUEUED, "")
        with upstream_worker():
            job = ended(job)
    assert (job.output, job.attempt, job.lost_attempts) == ("Hello there", 2, 0)


def test_a_new_key_counts_at_once_and_an_unreadable_one_is_said(ask: Ask, settings: Any) -> None:
    with faulty(GOOD) as server, upstream_worker():
        far_model(server.url)
        ended(ask())
        settings.SECRET_KEY = "another"
        job = ended(ask())
    assert (job.error_code, "SECRET_KEY has changed" in job.error_message) == ("load_failed", True)
    assert len(server.connections) == 1


def test_thoughts_in_its_text_are_kept_apart_and_hidden_where_they_are(ask: Ask) -> None:
    said = [*map(chunk, ("<think>secret", " plan", "</think>", "\n\nFour")), chunk("", "stop")]
    usage = {"prompt_tokens": 9, "completion_tokens": 5}
    with faulty(says(*said, chunk(usage=usage), DONE)) as server, upstream_worker():
        far = far_model(server.url)
        assert far.default_version is not None
        set_answer_format(actor=None, version=far.default_version, answer_format="deepseek-r1")
        job = ended(ask())
        assert (job.output, job.reasoning) == ("Four", "secret plan")
        assert (job.completion_tokens, job.reasoning_tokens) == (5, 3)
        set_reasoning(actor=None, model=far, policy=ReasoningPolicy.HIDDEN)
        job = ended(ask())
    assert (job.output, job.reasoning, job.reasoning_tokens) == ("Four", "", 3)


def test_how_long_to_think_is_told_where_its_server_takes_that(ask: Ask) -> None:
    no = answers("400 Bad Request", body=b'{"error": {"message": "Unsupported parameter: reasoning_effort."}}')
    with faulty(GOOD, GOOD, GOOD, no) as server, upstream_worker():
        far_model(server.url)
        assert ended(ask(reasoning_effort="high")).params["reasoning_effort"] is None
        far_model(server.url, takes_effort=True)
        assert ended(ask(reasoning_effort="high")).output == "Hello there"
        ended(ask())
        bodies = [json.loads(each.request.partition(b"\r\n\r\n")[2]) for each in server.connections]
        assert [body.get("reasoning_effort") for body in bodies] == [None, "high", None]
        assert not any("reasoning_effort" in body for body in (bodies[0], bodies[2]))
        job = ended(ask(reasoning_effort="low"))
    assert (job.error_code, "“Unsupported parameter: reasoning_effort”" in job.error_message) == (
        "upstream_refused", True
    )  # fmt: skip


def test_each_engine_takes_its_own_models(model: HostedModel) -> None:
    far_model("https://gpu.example.org/v1")
    assert [each.pk for each in served_models(upstream=False)] == ["tiny"]
    assert [each.pk for each in served_models(upstream=True)] == ["far"]
