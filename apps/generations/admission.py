"""Whether a job may join the queue, and what is set aside for it: the same for texts and for pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse
from prometheus_client import Counter

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.generations.queue import place_of
from apps.governance.decisions import authorize
from apps.governance.remedies import Remedy, remedy
from apps.lib.prepared import prepared_cursor
from apps.projects.models import Project
from apps.quotas.actions import QuotaExceeded, check, reserve
from apps.quotas.models import Subject
from engine.overload import duration

# Two statements: one that waited for the lock would count what was there before it waited.
LOCK_PERSON = "SELECT FROM accounts_user WHERE id = %s FOR NO KEY UPDATE"
OTHERS_WAIT = "SELECT EXISTS (SELECT FROM generations_generationjob WHERE state = 'queued' AND id <> %s)"
COUNT_UNFINISHED = """
SELECT count(*) FROM generations_generationjob
WHERE user_id = %s AND from_program = %s AND (state = 'queued' OR state = 'running')
"""  # written so that the small indexes of each state serve it: most jobs are over
ABSENT = ("model_disabled", "model_missing")
OVERLOADED = Counter("atrium_jobs_overloaded_total", "Prompts refused for what was ahead of them", ["model"])


def authorized(
    actor: User,
    project: Project,
    model: HostedModel,
    params: Mapping[str, Any],
    version: ModelVersion | None = None,
) -> tuple[ModelVersion, Mapping[str, int]]:
    """`version`, or the one in use where none is given, and the largest values of parameters. Raises Refused, with
    the way out where there is one."""
    decision = authorize(actor=actor, action="generate", model=model, project=project, params=params, version=version)
    if not decision.allowed:
        status, way_out = 422 if decision.code in ABSENT else 403, remedy(decision, model, project)
        more = {"remedy": way_out} if way_out else {}
        raise Refused(status=status, code=decision.code, message=decision.reason, **more)
    version = version or model.default_version
    assert version is not None, "a condition of the decision"
    return version, decision.limits


def refuse_too_many(actor: User, new: int = 1, *, from_program: bool = False) -> None:
    """What programs asked counts apart, so that nobody's keep them from asking themselves. The row of the person is
    locked, so that two submits at once don't both take the last place. Raises Refused."""
    with prepared_cursor() as cursor:
        cursor.execute(LOCK_PERSON, [actor.pk])
        cursor.execute(COUNT_UNFINISHED, [actor.pk, from_program])
        (unfinished,) = cursor.fetchone()
    most = settings.MAX_UNFINISHED_JOBS
    if unfinished + new <= most:
        return
    if new == 1:
        message = f"{unfinished} of your answers are still waiting or being written. Wait for one, or stop one."
    else:
        message = f"{unfinished} of your jobs are not finished yet, and up to {most} may be: ask for fewer than {new}."
    raise Refused(status=429, code="too_many", message=message, limit=most)


def refuse_overload(job: GenerationJob) -> None:
    """Not where so much work is ahead of it that nobody would wait for it. Raises Refused; the caller's transaction
    then takes the job back. One whose wait nobody can tell may wait."""
    most = settings.MAX_WAIT_MINUTES * 60
    starts_in = place_of(job).starts_in if most and _others_wait(job) else None
    if starts_in is None or starts_in <= most:
        return
    model = job.model_version.hosted_model
    OVERLOADED.labels(model.pk).inc()
    message = (
        f"About {duration(starts_in)} of work are ahead of you on {model.name}, and no more than {duration(most)} may "
        f"be. Try again in about {duration(starts_in - most)}, or choose another model."
    )
    raise Refused(status=429, code="overloaded", message=message, starts_in=starts_in)


def _others_wait(job: GenerationJob) -> bool:
    with prepared_cursor() as cursor:
        cursor.execute(OTHERS_WAIT, [job.pk])
        return bool(cursor.fetchone()[0])


def set_aside(
    job: GenerationJob,
    actor: User,
    model: HostedModel,
    *,
    tokens: int = 0,
    images: int = 0,
    device_ms: float | None = None,
) -> None:
    """What the job may use at most; `device_ms` None where its tokens tell. Raises Refused."""
    try:
        reservation = reserve(
            job_id=job.pk,
            user=actor,
            project=job.project,
            model=model,
            tokens=tokens,
            images=images,
            device_ms=device_ms,
        )
    except QuotaExceeded as error:
        raise _over_quota(error) from None
    job.quota_warnings = reservation.warnings


def refuse_over_quota(actor: User, project: Project, *, images: int, device_ms: float) -> None:
    """As `set_aside` would for so many pictures, but nothing is set aside. Raises Refused."""
    try:
        check(user=actor, project=project, jobs=images, images=images, device_ms=device_ms)
    except QuotaExceeded as error:
        raise _over_quota(error) from None


def _over_quota(error: QuotaExceeded) -> Refused:
    """With the way to where its person sees what used it up."""
    limit = error.standing.limit
    way: Remedy = {"url": reverse("my_usage"), "label": "See your usage", "asks": False}
    if limit.subject == Subject.PROJECT:
        way |= {"url": reverse("project_usage", args=[limit.subject_id]), "label": "See the project’s usage"}
    return Refused(status=429, code="quota_exceeded", message=error.message, remedy=way)
