"""Ask for pictures, and for variations of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.catalog.models import HostedModel, Modality
from apps.generations.broadcast import tell_all
from apps.generations.image_actions import Quote, quote, submit_image
from apps.generations.models import Artifact, GenerationJob
from apps.projects.models import Project
from apps.studio.cards import cards, jobs_called
from apps.studio.inputs import refused
from apps.studio.models import Submission
from apps.studio.recall import params_of

VARIATIONS = 4
VARIATION_STRENGTH = 0.5
"""So that they stay near the picture, and are visibly others."""
REPEATED_FOR = timedelta(days=1)
"""For so long the same send is known; nobody waits longer for an answer."""


@transaction.atomic
def submit_pictures(
    *, actor: User, project: Project, client_id: str, model_id: object, params: Mapping[str, Any], count: int
) -> tuple[list[GenerationJob], bool]:
    """As `make_pictures`, but what was sent before gives the jobs that it made then, and False. Of two at once the
    second waits until the first is through: the row is unique. Raises Refused and ValidationError."""
    Submission.objects.filter(user=actor, created_at__lt=Now() - REPEATED_FOR).delete()
    sent, is_new = Submission.objects.get_or_create(user=actor, project=project, client_id=client_id)
    if not is_new:
        return jobs_called(sent.jobs), False
    jobs = make_pictures(actor=actor, project=project, model_id=model_id, params=params, count=count)
    Submission.objects.filter(pk=sent.pk).update(jobs=[job.pk for job in jobs])
    return jobs, True


@transaction.atomic
def make_pictures(
    *, actor: User, project: Project, model_id: object, params: Mapping[str, Any], count: int
) -> list[GenerationJob]:
    """Queue `count` pictures, and show them to everybody in the studio. Raises Refused and ValidationError."""
    jobs = submit_image(actor=actor, project=project, model=model_called(model_id), params=params, count=count)
    tell_all(project.pk, lambda: {"type": "jobs", "jobs": cards(jobs)})
    return jobs


@transaction.atomic
def vary_picture(*, actor: User, picture: Artifact) -> list[GenerationJob]:
    """A few pictures that begin from this one, each with a seed of its own. Raises Refused for one without a prompt."""
    if picture.job is None:
        message = "This picture was uploaded, so nobody knows its prompt. Use it as a source and write one."
        raise refused("no_prompt", message)
    params = params_of(picture.job) | {"source": picture.pk, "mask": None, "seed": None}
    params["strength"] = VARIATION_STRENGTH
    model = picture.job.model_version.hosted_model_id
    return make_pictures(actor=actor, project=picture.project, model_id=model, params=params, count=VARIATIONS)


def quote_pictures(*, actor: User, project: Project, model_id: object, params: Mapping[str, Any], count: int) -> Quote:
    return quote(actor=actor, project=project, model=model_called(model_id), params=params, count=count)


def model_called(model_id: object) -> HostedModel:
    """Raises Refused for one that nobody could choose. Whether this person may is decided later, with the reason."""
    models = HostedModel.objects.available().filter(modality=Modality.IMAGE).select_related("default_version")
    model = models.called(model_id)
    if model is None:
        raise refused("unknown_model", "There is no such model to choose. Pick one from the list.", field="model")
    return model
