"""Runs belong to whoever ran: nobody else sees them, and nobody else rates what came of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse

from apps.accounts.models import User
from apps.generations.formats import FORMAT
from apps.lib.compiled import CompiledQuery, IsAny, Parameter
from apps.lib.ids import is_id
from apps.prompts.models import Prompt, PromptRun

JSON = dict[str, Any]
RUNS = CompiledQuery(
    lambda: (
        PromptRun.objects.filter(IsAny("job", Parameter("jobs")), user=Parameter("user")).order_by().values_list("pk")
    )
)
SHOWN = ("revision", "job__project", "job__model_version__hosted_model")
"""What `run_json` reads."""


def get_run_for(user: User | AnonymousUser, run_id: str) -> PromptRun:
    rows: QuerySet[PromptRun] = PromptRun.objects.select_related("revision__prompt", "job")
    run = rows.filter(pk=run_id, user=user).first() if is_id(run_id) and isinstance(user, User) else None
    if run is None:
        raise Http404("There is no such run.")
    return run


def job_to_follow(user: User, run_id: str) -> str | None:
    """The job behind a run of `user`, while they are a member of the project that it was asked in."""
    rows = PromptRun.objects.filter(pk=run_id, user=user, job__project__memberships__user=user)
    return rows.values_list("job", flat=True).first() if is_id(run_id) else None


def last_run(user: User, prompt: Prompt) -> PromptRun | None:
    """The latest of `user` on the page of this prompt, in a project that they are still in; those of conversations
    stand there."""
    rows = PromptRun.objects.filter(revision__prompt=prompt, user=user, job__project__memberships__user=user)
    return rows.filter(job__message=None).select_related(*SHOWN).first()


def own_runs(user: User, job_ids: Iterable[str]) -> dict[str, PromptRun]:
    """The runs of `user` behind these jobs, by job, of prompts that they may still read; two queries, one where there
    are none, as with nearly every message."""
    found = [run for (run,) in RUNS.rows(user=user.pk, jobs=list(job_ids))]
    if not found:
        return {}
    readable = PromptRun.objects.filter(pk__in=found, revision__prompt__in=Prompt.objects.visible_to(user))
    return {str(run.job_id): run for run in readable}


def run_json(run: PromptRun) -> JSON:
    """Where to follow, stop, rate and continue it, whom it asked in which project, and what its answer is held to."""
    assert run.job
    return {
        "run": run.pk,
        "job": run.job_id,
        "project": run.job.project.name,
        "model": run.job.model_version.hosted_model.name,
        "revision": run.revision.number,
        "format": run.job.params.get(FORMAT),
        "rating": run.rating,
        "urls": {
            "events": reverse("prompt_run_events", args=[run.pk]),
            "rate": reverse("prompt_run_rate", args=[run.pk]),
            "cancel": reverse("job_cancel", args=[run.job_id]),
            "continue": reverse("prompt_run_continue", args=[run.pk]),
        },
    }
