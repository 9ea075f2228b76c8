"""The jobs of a studio as its page and its sockets know them: what waits, what is being made, what failed lately."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import User
from apps.generations.image_params import PICTURES
from apps.generations.models import GenerationJob, Kind, State
from apps.generations.requests import IMAGE_PARAMETERS
from apps.projects.models import Project

JSON = dict[str, Any]
FAILED_FOR = timedelta(hours=1)
"""For so long a failure stays on the page of whoever asked for the picture."""
MOST = 200
SHOWN_PARAMS = (*IMAGE_PARAMETERS, *PICTURES)


def unfinished_jobs(project: Project | str) -> list[GenerationJob]:
    """Those that wait or run, the oldest first; two queries at most, however many there are."""
    rows = GenerationJob.objects.filter(project=project, kind=Kind.IMAGE, state__in=(State.QUEUED, State.RUNNING))
    return _read(rows)


def jobs_to_show(project: Project, user: User) -> list[GenerationJob]:
    """The unfinished ones, and what failed lately of what `user` asked for."""
    open_ones = Q(state__in=(State.QUEUED, State.RUNNING))
    failed = Q(state=State.FAILED, user=user, finished_at__gt=timezone.now() - FAILED_FOR)
    return _read(GenerationJob.objects.filter(open_ones | failed, project=project, kind=Kind.IMAGE))


def jobs_called(ids: Iterable[str]) -> list[GenerationJob]:
    return _read(GenerationJob.objects.filter(pk__in=list(ids)))


def cards(jobs: Iterable[GenerationJob]) -> list[JSON]:
    return [card(job) for job in jobs]


def card(job: GenerationJob) -> JSON:
    """`user` and `model_version__hosted_model` are loaded. The place in the queue comes with the job's events."""
    model = job.model_version.hosted_model
    return {
        "id": job.pk,
        "state": job.state,
        "attempt": job.attempt,
        "user": {"id": job.user.pk, "name": str(job.user)} if job.user else None,
        "model": {"id": model.pk, "name": model.name},
        "params": params_shown(job),
        "reproduces": bool(job.params.get("reproduces")),
        "error": job.error_message,
        "created_at": job.created_at.isoformat(),
    }


def params_shown(job: GenerationJob) -> JSON:
    """What was asked for, without what only the workers need."""
    return {name: job.params[name] for name in SHOWN_PARAMS if name in job.params}


def _read(rows: Any) -> list[GenerationJob]:
    rows = rows.select_related("user", "model_version__hosted_model")
    large = ("messages", "prompt_ids", "output", "reasoning", "model_version__files", "model_version__model_card")
    return list(rows.defer(*large).order_by("created_at", "pk")[:MOST])
