from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.params import (
    DEFAULTS,
    FORMAT_PARAMETERS,
    PARAMETERS,
    SHOWN_PARAMETERS,
    TOOL_PARAMETERS,
    WORD_PARAMETERS,
    clean_params,
)
from tests.generations.conftest import Submit
from tests.world import World


def test_a_submit_is_a_job_with_its_tokens_and_an_audit_event_without_text(submit: Submit, world: World) -> None:
    job = submit("The quick brown fox", temperature=0)
    assert (job.state, job.attempt, job.user) == (State.QUEUED, 0, world.editor)
    assert len(job.prompt_ids) == job.prompt_tokens > 3
    event = AuditEvent.objects.get(action="generation.submitted")
    assert event.target_id == job.pk
    assert event.project_id == world.project.pk
    assert "fox" not in str(event.details)


def test_without_a_seed_one_is_fixed_so_that_another_attempt_says_the_same(submit: Submit) -> None:
    first, second = submit(), submit()
    assert isinstance(first.params["seed"], int)
    assert first.params["seed"] != second.params["seed"]
    assert submit(seed=7).params["seed"] == 7


def test_the_answer_is_clipped_to_what_fits(submit: Submit) -> None:
    job = submit(max_tokens=30000)
    assert job.params["max_tokens"] == 512 - job.prompt_tokens


def test_too_long_says_how_many_tokens_over_and_changes_nothing(submit: Submit) -> None:
    fits = submit("x")
    with pytest.raises(Refused) as refusal:
        submit(" ".join(str(number * 7919) for number in range(500)))
    over = refusal.value.details["over"]
    assert (refusal.value.status, refusal.value.code) == (422, "context_overflow")
    assert refusal.value.message.startswith(f"Your message is {over:,} tokens too long for this model")
    assert refusal.value.message.endswith("It reads 512 tokens. Shorten it.")
    assert "conversation" not in refusal.value.message
    assert list(GenerationJob.objects.all()) == [fits]
    assert AuditEvent.objects.filter(action="generation.submitted").count() == 1


@pytest.mark.parametrize(
    ("messages", "status", "code"),
    [
        ([], 422, "empty"),
        ([{"role": "user", "content": "  "}], 422, "empty"),
        ([{"role": "robot", "content": "x"}], 422, "invalid"),
        ([{"role": "user", "content": "a\0b"}], 422, "invalid"),
        ([{"role": "user", "content": "a\ud800b"}], 422, "invalid"),
        ([{"role": "user", "content": 5}], 422, "invalid"),
        ([{"role": "user", "content": "x" * 400_001}], 413, "too_long"),
    ],
)
def test_what_is_no_prompt_is_refused_with_a_sentence(
    world: World, model: HostedModel, messages: list[dict[str, str]], status: int, code: str
) -> None:
    with pytest.raises(Refused) as refusal, transaction.atomic():
        submit_generation(actor=world.editor, project=world.project, model=model, messages=messages, params={})
    assert (refusal.value.status, refusal.value.code) == (status, code)
    assert refusal.value.message.endswith(".")
    assert not GenerationJob.objects.exists()


@pytest.mark.parametrize(("person", "status"), [("viewer", 403), ("stranger", 403), ("admin", 403)])
def test_who_may_not_ask_is_refused(world: World, model: HostedModel, person: str, status: int) -> None:
    ask = [{"role": "user", "content": "x"}]
    with pytest.raises(Refused) as refusal, transaction.atomic():
        submit_generation(actor=world.person(person), project=world.project, model=model, messages=ask, params={})
    assert refusal.value.status == status
    assert not GenerationJob.objects.exists()


def test_a_model_that_is_switched_off_is_refused(submit: Submit, model: HostedModel) -> None:
    HostedModel.objects.update(is_enabled=False)
    model.refresh_from_db()
    with pytest.raises(Refused) as refusal:
        submit()
    assert (refusal.value.status, refusal.value.code) == (422, "model_disabled")


def test_one_person_has_a_limit_of_unfinished_jobs(submit: Submit, settings: object) -> None:
    settings.MAX_UNFINISHED_JOBS = 2  # type: ignore[attr-defined]
    submit()
    submit()
    with pytest.raises(Refused) as refusal:
        submit()
    assert (refusal.value.status, refusal.value.code) == (429, "too_many")
    GenerationJob.objects.update(state=State.SUCCEEDED)
    submit()


@pytest.mark.django_db(transaction=True)
def test_a_broken_broker_costs_nothing_but_time(submit: Submit, settings: object) -> None:
    from celery import current_app

    current_app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    current_app.amqp._producer_pool = None
    try:
        job = submit()
    finally:
        current_app.conf.broker_write_url = current_app.conf.broker_url
        current_app.amqp._producer_pool = None
    assert GenerationJob.objects.get(pk=job.pk).state == State.QUEUED


@pytest.mark.django_db(transaction=True)
def test_a_submit_that_is_rolled_back_leaves_no_job(submit: Submit) -> None:
    with transaction.atomic():
        submit()
        transaction.set_rollback(True)
    assert not GenerationJob.objects.exists()


def test_defaults_are_within_their_own_bounds() -> None:
    assert clean_params({}) == clean_params(dict(DEFAULTS))
    kinds = (PARAMETERS, WORD_PARAMETERS, FORMAT_PARAMETERS, TOOL_PARAMETERS, SHOWN_PARAMETERS)
    assert [each.name for kind in kinds for each in kind] == list(DEFAULTS)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"temperature": 2.01}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"seed": -1}, "seed"),
        ({"seed": 10**40}, "seed"),
        ({"stop": ["x"] * 3 + ["a", "b", "c", "d"]}, "stop"),
        ({"stop": ["x" * 65]}, "stop"),
        ({"stop": ["\ud800"]}, "stop"),
        ({"stop": 5}, "stop"),
        ({"stop": {"a": 1}}, "stop"),
        ({"certainty": "yes"}, "certainty"),
        ({"word_bias": ["a"]}, "word_bias"),
        ({"word_bias": {"a": 101}}, "word_bias"),
        ({"word_bias": {"a": True}}, "word_bias"),
        ({"word_bias": {"a": float("nan")}}, "word_bias"),
        ({"word_bias": {" ": 1}}, "word_bias"),
        ({"word_bias": {"x" * 41: 1}}, "word_bias"),
        ({"word_bias": {f"w{number}": 1 for number in range(21)}}, "word_bias"),
        ({"magic": 1}, "magic"),
    ],
)
def test_a_wrong_parameter_gets_a_sentence_of_its_own(raw: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        clean_params(raw)
    assert list(error.value.message_dict) == [field]


def test_numbers_may_come_as_text_and_empty_means_default() -> None:
    cleaned = clean_params({"temperature": "0.5", "top_k": "20", "seed": "", "stop": ["", "a", "a"]})
    assert (cleaned["temperature"], cleaned["top_k"], cleaned["seed"], cleaned["stop"]) == (0.5, 20, None, ["a"])
