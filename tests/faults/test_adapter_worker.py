"""From `models install` to the answer: the worker that serves a base serves what stands on it, in the same batches."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from tokenizers import Tokenizer

from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.models import State, Worker
from apps.lib.redis import sync_client
from apps.quotas.models import LedgerEntry
from tests.engine.adapters import make_adapter, merge
from tests.engine.test_equality import generated
from tests.engine.tiny import make_checkpoint
from tests.faults.processes import WorkerProcess
from tests.generations.scripted import ended
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
TOKENS = 24


def test_a_worker_of_the_base_answers_with_its_adapters(
    start: Callable[..., WorkerProcess], world: World, transactional_db: None, tmp_path: Path, settings: Any
) -> None:
    settings.MODEL_STORE = tmp_path / "store"
    sync_client().flushdb()
    folders = {"base": make_checkpoint(tmp_path / "base", "Llama")}
    for number, name in enumerate(("one", "two")):
        adapter = make_adapter(
            tmp_path / name, folders["base"], seed=number, base_model_name_or_path=str(folders["base"])
        )
        folders[name] = merge(folders["base"], adapter, tmp_path / f"merged-{name}", lambda _: 2.0)
    for name in folders:
        call_command("models", "install", f"path:{tmp_path / name}", "--grant-everyone", stdout=StringIO())
    worker = start(WORKER_MODELS="base").ready()
    assert Worker.objects.get(pk=worker.id).serves == ["base", "one", "two"]
    messages = [{"role": "user", "content": "Say something"}]
    params = {"temperature": 0, "repetition_penalty": 1, "max_tokens": TOKENS}
    jobs = [
        submit_generation(
            actor=world.editor,
            project=world.project,
            model=HostedModel.objects.get(pk=name),
            messages=messages,
            params=params,
        )
        for name in [*folders] * 2
    ]
    tokenizer = Tokenizer.from_file(str(folders["base"] / "tokenizer.json"))
    for name, job in zip([*folders] * 2, jobs, strict=True):
        done = ended(job, 90)
        assert done.state == State.SUCCEEDED, done.error_message
        (tokens,) = generated(folders[name], [done.prompt_ids], ignore_eos=False, tokens=TOKENS)
        assert done.output == tokenizer.decode(tokens, skip_special_tokens=True)
        assert done.model_version.hosted_model_id == name
        assert LedgerEntry.objects.filter(job_id=job.pk, model_id=name).exists()
    assert len({ended(job).output for job in jobs}) == 3
