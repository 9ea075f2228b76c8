"""Make a result again, with all that decided it as it was, to see whether the same comes out."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.catalog.models import ModelVersion
from apps.catalog.store import model_store
from apps.generations import trail
from apps.generations.admission import authorized, refuse_overload, refuse_too_many, set_aside
from apps.generations.doorbell import ring
from apps.generations.errors import Refused
from apps.generations.image_pace import expected_ms
from apps.generations.intake import pictures_in
from apps.generations.models import Artifact, GenerationJob, Kind, State
from apps.generations.picture_store import path_of
from engine.store import StoreError

COPIED = ("project", "model_version", "kind", "messages", "prompt_ids", "prompt_tokens", "usage_estimated")


@transaction.atomic
def reproduce(*, actor: User, job: GenerationJob) -> GenerationJob:
    """Queue the same once more: the parameters, the seed, and the very weights, whatever version is in use now. At its
    end the verdict is in its receipt. Raises Refused, and then nothing has changed."""
    if job.state != State.SUCCEEDED:
        raise _refused("not_finished", "Only what was made to its end can be made again.")
    _check_whose(actor, job)
    _check_still_there(job)
    version, model = job.model_version, job.model_version.hosted_model
    authorized(actor, job.project, model, job.params, version)
    _check_weights(version)
    refuse_too_many(actor)
    params = {name: value for name, value in job.params.items() if name != "batch"}
    again = GenerationJob.objects.create(
        user=actor, params=params | {"reproduces": job.pk}, **{name: getattr(job, name) for name in COPIED}
    )
    refuse_overload(again)
    if job.kind == Kind.IMAGE:
        set_aside(again, actor, model, images=1, device_ms=expected_ms(job.params, version) or 0.0)
    else:
        set_aside(again, actor, model, tokens=job.prompt_tokens + job.params["max_tokens"])
    trail.submitted(again, actor)
    transaction.on_commit(lambda: ring(again.pk, model.queue), robust=True)
    return again


def expected_tokens(job: GenerationJob) -> int:
    """Of a text that is being made: as many as the first one has, where it is made again."""
    first = GenerationJob.objects.filter(pk=job.params.get("reproduces"), project=job.project_id)
    return first.values_list("completion_tokens", flat=True).first() or job.params.get("max_tokens", 0)


def _check_whose(actor: User, job: GenerationJob) -> None:
    """A picture belongs to its project. A text may be for its asker alone, such as a run of a prompt, and who makes it
    again gets to have it."""
    if job.kind == Kind.TEXT and job.user_id != actor.pk:
        raise Refused(status=403, code="not_yours", message="Only who asked for an answer can have it made again.")


def _check_still_there(job: GenerationJob) -> None:
    if job.kind == Kind.TEXT:
        if not job.messages:
            raise _refused("erased", "The texts of this answer were erased, so it can't be made again.")
        if not all(path_of(picture).exists() for picture in pictures_in(job.messages)):
            raise _refused("erased", "A picture that this answer is about was erased, so it can't be made again.")
        return
    if not job.params["prompt"] or not Artifact.objects.kept().filter(job=job).exists():
        raise _refused("erased", "This picture was deleted, so there is nothing to compare another one with.")
    for name in ("source", "mask"):
        if job.params[name] and not path_of(job.params[name]).exists():
            raise _refused("erased", f"The picture that was given as the {name} was erased, so this needs another one.")


def _check_weights(version: ModelVersion) -> None:
    if version.is_upstream:
        return
    try:
        for digest in {version.digest, version.foundation.digest}:
            model_store().path(digest)
    except StoreError as error:
        message = f"The weights that this was made with are gone, so it can't be made again: {error}"
        raise _refused("model_missing", message) from error


def _refused(code: str, message: str) -> Refused:
    return Refused(status=422, code=code, message=message)
