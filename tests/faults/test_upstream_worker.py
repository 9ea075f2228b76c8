"""A worker that only asks other servers: it needs no engine of its own, and what it was reading survives it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.generations.actions import submit_generation
from apps.generations.models import State
from apps.lib.redis import sync_client
from tests.engine.faulty_server import DONE, HEAD, chunk, faulty, says, then_hangs
from tests.faults.processes import WorkerProcess
from tests.faults.test_workers import writing
from tests.generations.scripted import ended, until
from tests.generations.upstreams import far_model
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
ONLY_UPSTREAMS = {"ENGINE_DEVICE": "none", "UPSTREAM_ALLOWED_NETWORKS": "127.0.0.1"}
GOOD = says(chunk("Hello"), chunk(" there", "stop"), chunk(usage={"prompt_tokens": 9, "completion_tokens": 2}), DONE)


def test_an_answer_from_elsewhere_outlives_its_worker(
    start: Callable[..., WorkerProcess], world: World, transactional_db: None
) -> None:
    sync_client().flushdb()
    with faulty(then_hangs(HEAD, chunk("Once upon")), GOOD) as server:
        model = far_model(server.url)
        first, second = start(**ONLY_UPSTREAMS).ready(), start(**ONLY_UPSTREAMS)
        messages = [{"role": "user", "content": "Hello?"}]
        job = submit_generation(actor=world.editor, project=world.project, model=model, messages=messages, params={})
        until(lambda: writing(first) or (second.works() and writing(second)), 90)
        (first if first.holds() else second).kill()
        job = ended(job, 90)
        assert len(server.connections) == 2
    assert (job.state, job.output, job.attempt) == (State.SUCCEEDED, "Hello there", 2)
    assert (job.prompt_tokens, job.completion_tokens, job.usage_estimated) == (9, 2, False)
