"""The one terminal state of a job, and leases that ran out. Each ending is one transaction with its audit event."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.generations import trail
from apps.generations.broadcast import picture_over
from apps.generations.claims import Held
from apps.generations.image_pace import ms_per_pixel_pass, pixel_passes
from apps.generations.image_params import kept_facts
from apps.generations.models import ASKED, Certainty, Checkpoint, GenerationJob, Kind, Origin, State, long_of
from apps.generations.outcomes import Outcome
from apps.generations.replay import said_in_log
from apps.generations.said import Said
from apps.lib.compiled import CompiledQuery, Parameter
from apps.lib.redis import AWAY, sync_client
from apps.quotas.actions import settle
from apps.quotas.ledger import Measured

REAPED_AT_ONCE = 50
LOST = (
    "The worker stopped {lost} times while it {did}, so it was given up. "
    "Try again; if it happens again, tell an administrator."
)
DID = {Kind.TEXT: "wrote this answer", Kind.IMAGE: "made this picture"}


@transaction.atomic
def finish(held: Held, outcome: Outcome) -> GenerationJob | None:
    """Bring a running job to its terminal state, its picture with it. None where this attempt no longer holds it:
    nothing was written."""
    rows = GenerationJob.objects.filter(pk=held.job, attempt=held.attempt, state=State.RUNNING)
    changed = rows.update(
        state=outcome.state,
        output=outcome.output,
        reasoning=outcome.reasoning,
        tool_calls=list(outcome.tool_calls),
        finish_reason=outcome.finish_reason,
        **_error(outcome),
        completion_tokens=outcome.completion_tokens,
        **_prompt(outcome),
        reasoning_tokens=outcome.reasoning_tokens,
        reasoning_ms=outcome.reasoning_ms,
        ttft_ms=outcome.ttft_ms,
        decode_ms=outcome.decode_ms,
        device_ms=outcome.device_ms,
        steps=outcome.steps,
        receipt=outcome.receipt,
        lease_until=None,
        finished_at=Now(),
    )
    if not changed:
        return None
    if outcome.picture is not None:
        project_id, user_id = GenerationJob.objects.values_list("project_id", "user_id").get(pk=held.job)
        outcome.picture.row(project_id=project_id, user_id=user_id, job_id=held.job, origin=Origin.GENERATED).save(
            force_insert=True
        )
    if outcome.sureness.tokens:
        Certainty.objects.create(job_id=held.job, tokens=outcome.sureness.tokens, is_cut=outcome.sureness.is_cut)
    return _ended(held.job)


def _error(outcome: Outcome) -> dict[str, str]:
    """Nothing for what was cancelled without one: who asked for that end may have written the reason (`recheck`)."""
    if outcome.state == State.CANCELLED and not outcome.error_code:
        return {}
    return {"error_code": outcome.error_code, "error_message": outcome.error_message[:500]}


def _prompt(outcome: Outcome) -> dict[str, int | bool]:
    if outcome.prompt_tokens is None:
        return {}
    return {"prompt_tokens": outcome.prompt_tokens, "usage_estimated": outcome.usage_estimated}


def end_unclaimed(job: GenerationJob) -> None:
    """Cancel a job that waits in the queue and that the caller's transaction has locked."""
    GenerationJob.objects.filter(pk=job.pk, state=State.QUEUED).update(
        state=State.CANCELLED, finish_reason="cancelled", cancel_requested_at=Now(), finished_at=Now()
    )
    _ended(job.pk)


def cancel_all(jobs: list[GenerationJob]) -> None:
    """End jobs that wait or run and that the caller's transaction has locked; what they wrote is not kept. They
    are settled by what their readers have seen, for their workers write nothing more."""
    rows = GenerationJob.objects.filter(pk__in=[job.pk for job in jobs])
    rows.update(
        state=State.CANCELLED, finish_reason="cancelled", cancel_requested_at=Now(), lease_until=None, finished_at=Now()
    )
    Checkpoint.objects.filter(job__in=rows).delete()
    started = {job.pk: _remains(job) for job in jobs if job.state == State.RUNNING}
    models = dict(rows.values_list("pk", "model_version__hosted_model_id"))
    settle(_measured(job, models[job.pk], started.get(job.pk, Said())) for job in jobs)
    for job in jobs:
        if job.kind == Kind.IMAGE:
            picture_over(_read_ended(job.pk))


@transaction.atomic
def reap() -> list[GenerationJob]:
    """Take jobs away from workers that were lost: back into the queue, or to an end. Any worker may do this."""
    expired = GenerationJob.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
    jobs = list(expired.filter(state=State.RUNNING, lease_until__lt=Now()).order_by("lease_until")[:REAPED_AT_ONCE])
    return [_take_away(job) for job in jobs]


def _take_away(job: GenerationJob) -> GenerationJob:
    """`job` is locked, so its row can't change meanwhile."""
    lost = job.lost_attempts + 1
    rows = GenerationJob.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)
    if job.cancel_requested_at is None and lost < settings.MAX_ATTEMPTS:
        rows.update(state=State.QUEUED, worker_id="", lease_until=None, lost_attempts=lost)
        job.state, job.lost_attempts = State.QUEUED, lost
        trail.requeued(job, reason="worker_lost")
        return job
    said = _remains(job)
    kept = {"output": said.text, "reasoning": said.reasoning, "tool_calls": list(said.tool_calls)}
    counted = {"completion_tokens": said.tokens, "reasoning_ms": said.reasoning_ms, "steps": said.steps}
    ending: dict[str, Any] = {"lease_until": None, "lost_attempts": lost, **kept, **counted, **_reason(job, lost)}
    rows.update(**ending, finished_at=Now())
    return _ended(job.pk)


def _reason(job: GenerationJob, lost: int) -> dict[str, Any]:
    if job.cancel_requested_at is not None:
        return {"state": State.CANCELLED, "finish_reason": "cancelled"}
    did = DID[Kind(job.kind)]
    message = LOST.format(lost=lost, did=did) if lost > 1 else f"The worker stopped while it {did}. Try again."
    return {
        "state": State.FAILED, "finish_reason": "error", "error_code": "worker_lost", "error_message": message
    }  # fmt: skip


def _remains(job: GenerationJob) -> Said:
    """What its readers have seen of a job whose worker is gone: the log has it, unless Redis is gone as well."""
    try:
        return said_in_log(sync_client(), job.pk, job.attempt)
    except AWAY:
        return Said()


ENDED = CompiledQuery(
    lambda: (
        GenerationJob.objects.select_related("user", "model_version__hosted_model", "artifact")
        .defer(*ASKED, *long_of("model_version"))
        .filter(pk=Parameter("job"))
        .order_by()
    )
)


def _read_ended(job_id: str) -> GenerationJob:
    job = ENDED.first(job=job_id)
    assert job is not None, "the caller has just changed it"
    return job


def _ended(job_id: str) -> GenerationJob:
    job = _read_ended(job_id)
    if job.kind == Kind.IMAGE:
        Checkpoint.objects.filter(job=job).delete()
        picture_over(job)
    settle([_measured(job, job.model_version.hosted_model_id, Said(tokens=job.completion_tokens, steps=job.steps))])
    trail.ended(job)
    return job


def _measured(job: GenerationJob, model_id: str, said: Said) -> Measured:
    """What a job used up to its end: nothing where no worker took it. What can't be measured is None."""
    ran = job.attempt > 0
    return Measured(
        job_id=job.pk,
        user_id=job.user_id or "",
        project_id=job.project_id,
        model_id=model_id,
        tokens=job.prompt_tokens + said.tokens if ran else 0,
        images=1 if job.kind == Kind.IMAGE and job.state == State.SUCCEEDED else 0,
        device_ms=_device_ms(job, model_id, said.steps) if ran else 0.0,
    )


def _device_ms(job: GenerationJob, model_id: str, steps: int) -> float | None:
    """Of a picture that nobody measured what the steps usually take that its readers were told of; of a text None,
    which the ledger makes up for."""
    if job.device_ms is not None or job.kind == Kind.TEXT:
        return job.device_ms
    facts = kept_facts(job.model_version.image_facts)
    return (ms_per_pixel_pass(model_id) or 0.0) * pixel_passes(job.params, steps, facts)
