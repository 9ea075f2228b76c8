"""Submit a generation, stop one, erase the texts of some."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations import trail
from apps.generations.admission import authorized, refuse_overload, refuse_too_many, set_aside
from apps.generations.demanding import refuse_demand
from apps.generations.doorbell import announce_cancel, ring
from apps.generations.endings import cancel_all, end_unclaimed
from apps.generations.erasing import erase_pictures_of, erase_words_of
from apps.generations.errors import Refused
from apps.generations.formats import without_unused
from apps.generations.intake import check_messages, encoded, refuse_blind, refuse_format
from apps.generations.models import Certainty, GenerationJob, Kind, State
from apps.generations.notices import erase_logs, tell_followers
from apps.generations.params import CERTAINTY, EFFORT, MAX_SEED, clean_params, defaults_of
from apps.generations.tools import refuse_tools
from apps.generations.words import BIAS, WORDS, biases
from apps.governance.limits import capped
from apps.lib.compiled import CompiledInsert
from apps.projects.models import Project

NEW = CompiledInsert(GenerationJob)
NO_OTHERS: Mapping[str, Any] = MappingProxyType({})


@transaction.atomic(savepoint=False)
def submit_generation(
    *,
    actor: User,
    project: Project,
    model: HostedModel,
    messages: Sequence[Mapping[str, Any]],
    params: Mapping[str, Any],
    defaults: Mapping[str, Any] = NO_OTHERS,
    through: str = "",
) -> GenerationJob:
    """Queue one generation, in the caller's transaction where there is one; a worker is woken after the commit. A
    message may have `pictures`, the ids of Artifacts: the caller has checked that they are this project's. `defaults`
    take the place of the model's and ours, where nothing was chosen; `through` tells the audit log the API token of a
    program that asks for its person.

    Raises Refused, and ValidationError where a parameter is wrong; then nothing has changed.
    """
    if not model.writes:
        raise Refused(status=422, code="not_text", message=f"{model} makes pictures: ask it in the studio.")
    chosen = without_unused(clean_params(params, {**defaults_of(model.recommended), **defaults}))
    given = {name: chosen[name] for name, value in params.items() if value is not None and value != ""}
    version, limits = authorized(actor, project, model, given)
    chosen = capped(chosen, limits)  # what the person didn't choose; what they chose is within the limits
    check_messages(messages)
    refuse_blind(version, messages)
    refuse_format(version, chosen)
    refuse_tools(version, chosen)
    refuse_demand(version, chosen)
    if not version.takes_effort:
        chosen[EFFORT] = None  # chosen for another model; this one would not be told
    if version.is_upstream:
        chosen[CERTAINTY] = False  # other servers aren't asked
    if tokens := biases(version, chosen[WORDS]):
        chosen[BIAS] = tokens
    prompt = encoded(version, messages, chosen)
    refuse_too_many(actor, from_program=bool(through))
    if chosen["seed"] is None:
        chosen["seed"] = secrets.randbelow(MAX_SEED + 1)  # fixed now: another attempt gives the same text
    chosen["max_tokens"] = min(chosen["max_tokens"], prompt.room)
    job = GenerationJob(
        project=project,
        user=actor,
        model_version=version,
        messages=[dict(message) for message in messages],
        prompt_ids=prompt.ids,
        prompt_tokens=prompt.tokens,
        usage_estimated=prompt.is_estimate,
        params=chosen,
        from_program=bool(through),
    )
    NEW.write(job)
    refuse_overload(job)
    # What the job may use at most: its prompt and the longest answer it may give.
    set_aside(job, actor, model, tokens=job.prompt_tokens + chosen["max_tokens"])
    trail.submitted(job, actor, through)
    transaction.on_commit(lambda: ring(job.pk, model.queue), robust=True)
    return job


@transaction.atomic
def request_cancel(*, actor: User, job: GenerationJob) -> bool:
    """Stop a job; what it has written so far is kept. False where it had ended already.

    One that waits ends here and now; one that runs is ended by its worker, or after the worker's lease.
    """
    current = GenerationJob.objects.select_for_update().get(pk=job.pk)
    if current.is_terminal:
        return False
    if current.cancel_requested_at is None:
        trail.cancel_requested(current, actor)
    if current.state == State.QUEUED:
        end_unclaimed(current)
        transaction.on_commit(lambda: tell_followers([job.pk]), robust=True)
    else:
        GenerationJob.objects.filter(pk=job.pk, cancel_requested_at=None).update(cancel_requested_at=Now())
        transaction.on_commit(lambda: announce_cancel(current), robust=True)
    return True


@transaction.atomic
def give_up(job_id: str, *, code: str, reason: str) -> bool:
    """Stop a job for the system, as `request_cancel` does for a person, with the reason that people get to see. False
    where it is gone, has ended or is being stopped."""
    found = GenerationJob.objects.select_for_update().filter(pk=job_id, cancel_requested_at=None).first()
    if found is None or found.is_terminal:
        return False
    GenerationJob.objects.filter(pk=job_id).update(error_code=code, error_message=reason)
    if found.state == State.QUEUED:
        end_unclaimed(found)
        transaction.on_commit(lambda: tell_followers([job_id]), robust=True)
    else:
        GenerationJob.objects.filter(pk=job_id).update(cancel_requested_at=Now())
        transaction.on_commit(lambda: announce_cancel(found), robust=True)
    return True


@transaction.atomic
def wipe_content(jobs: Iterable[str] | QuerySet[GenerationJob]) -> int:
    """Erase prompts, completions and pictures of jobs, given as ids or as a query, and whatever else people wrote for
    them; how many. Counts and numbers stay for accounting.

    One that hasn't ended is cancelled first, so that its worker can't write the text again.
    """
    rows = GenerationJob.objects.filter(pk__in=jobs)
    found = list(GenerationJob.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).select_for_update())
    kept = GenerationJob.objects.filter(pk__in=[job.pk for job in found])
    cancel_all([job for job in found if not job.is_terminal])
    kept.update(messages=[], prompt_ids=[], output="", reasoning="", tool_calls=[])
    erase_words_of([job for job in found if job.kind == Kind.TEXT])
    Certainty.objects.filter(job__in=kept).delete()
    erase_pictures_of([job for job in found if job.kind == Kind.IMAGE])
    trail.wiped(found)
    transaction.on_commit(lambda: _forget(found), robust=True)
    return len(found)


def _forget(jobs: list[GenerationJob]) -> None:
    for job in jobs:
        if not job.is_terminal:
            announce_cancel(job)
    erase_logs(jobs)
    tell_followers([job.pk for job in jobs])
