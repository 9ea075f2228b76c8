"""Asks again what was allowed at submit: when a job is claimed, and while it runs. Permissions end in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models.functions import Now

from apps.generations import trail
from apps.generations.claims import Held, claim
from apps.generations.endings import finish
from apps.generations.models import ASKED, GenerationJob, State, long_of
from apps.generations.notices import tell_followers
from apps.generations.outcomes import Outcome
from apps.governance.decisions import Decision, decide
from apps.governance.facts import Question
from apps.lib.compiled import CompiledQuery, IsAny, Parameter

RUNNING = CompiledQuery(
    lambda: (
        GenerationJob.objects.filter(
            IsAny("pk", Parameter("jobs")), state=State.RUNNING, cancel_requested_at__isnull=True
        )
        .select_related("user", "project", "model_version__hosted_model")
        .defer(*ASKED, *long_of("model_version"))
        .order_by()
    )
)
NOBODY = Decision(False, "The account that asked for this was deleted.", "inactive")


@transaction.atomic
def claim_allowed(worker_id: str, hosted_models: Sequence[str], limit: int) -> tuple[list[GenerationJob], bool]:
    """As `claim`, and whether there may be more; what is no longer allowed gets its end here instead.

    One transaction: where the question can't be answered, nothing was claimed.
    """
    jobs = claim(worker_id, hosted_models, limit)
    refused = _refusals(jobs)
    for job in jobs:
        if (decision := refused.get(job.pk)) is not None:
            trail.stopped(job, decision.code)
            finish(Held(job.pk, job.attempt), _never_begun(decision))
    if refused:
        transaction.on_commit(lambda: tell_followers(refused), robust=True)
    return [job for job in jobs if job.pk not in refused], len(jobs) == limit


def stop_refused(held: Iterable[Held]) -> list[Held]:
    """Ask for the end of those of these running jobs that are no longer allowed, with the reason that their readers
    get to see; those that the engine is to be told about."""
    by_job = {each.job: each for each in held}
    if not by_job:
        return []
    refused = _refusals(RUNNING.all(jobs=list(by_job)))
    return [by_job[job] for job, decision in refused.items() if _ask_for_end(by_job[job], decision)]


@transaction.atomic
def _ask_for_end(held: Held, decision: Decision) -> bool:
    rows = GenerationJob.objects.filter(
        pk=held.job, attempt=held.attempt, state=State.RUNNING, cancel_requested_at=None
    )
    asked = {"cancel_requested_at": Now(), "error_code": decision.code, "error_message": decision.reason[:500]}
    if not rows.filter(cancel_requested_at=None).update(**asked):
        return False
    trail.stopped(GenerationJob.objects.get(pk=held.job), decision.code)
    return True


def _refusals(jobs: Iterable[GenerationJob]) -> dict[str, Decision]:
    """By job, for those that are not allowed any more. A few queries, however many jobs."""
    jobs = list(jobs)
    questions = {
        job.pk: Question(
            job.user, "generate", job.model_version.hosted_model, job.project, job.model_version, job.params
        )
        for job in jobs
        if job.user is not None
    }
    decisions = dict(zip(questions, decide(list(questions.values())), strict=True))
    found = {job.pk: decisions.get(job.pk, NOBODY) for job in jobs}
    return {job: decision for job, decision in found.items() if not decision.allowed}


def _never_begun(decision: Decision) -> Outcome:
    return Outcome(
        state=State.CANCELLED,
        output="",
        finish_reason="cancelled",
        completion_tokens=0,
        error_code=decision.code,
        error_message=decision.reason,
    )
