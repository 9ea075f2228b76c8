"""Ask for pictures, and what they would take."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations import trail
from apps.generations.admission import authorized, refuse_over_quota, refuse_overload, refuse_too_many, set_aside
from apps.generations.artifact_access import get_artifact_for
from apps.generations.doorbell import ring
from apps.generations.image_pace import expected_ms
from apps.generations.image_params import MAX_COUNT, PICTURES, clean_image_params, facts_of
from apps.generations.models import Artifact, GenerationJob, Kind
from apps.generations.params import MAX_SEED
from apps.generations.queue import place_to_come
from apps.lib.ids import new_id
from apps.projects.models import Project


class Quote(NamedTuple):
    """What pictures would take: `device_seconds` of all together, None where none was measured yet; the first begins
    in about `starts_in` seconds, None where nobody can tell; `reason` is `no_worker` or ""."""

    device_seconds: float | None
    starts_in: int | None
    reason: str


OTHER_SHAPE = (
    "The mask has {} pixels and the picture {}: it must be of the same shape. Scale or crop it as the picture."
)


class _Asked(NamedTuple):
    version: ModelVersion
    params: dict[str, Any]


@transaction.atomic
def submit_image(
    *,
    actor: User,
    project: Project,
    model: HostedModel,
    params: Mapping[str, Any],
    count: int = 1,
    through: str = "",
) -> list[GenerationJob]:
    """Queue `count` pictures with seeds one after another, in the caller's transaction where there is one: all of
    them, or none. A worker is woken after the commit. `through` as of `submit_generation`.

    Raises Refused, and ValidationError where a parameter is wrong; then nothing has changed.
    """
    asked = _checked(actor, project, model, params, count)
    refuse_too_many(actor, count, from_program=bool(through))
    shared = asked.params | {"seed": _first_seed(asked.params["seed"], count), "batch": new_id()}
    return queue_pictures(actor, project, model, asked.version, shared, count, through)


def quote(*, actor: User, project: Project, model: HostedModel, params: Mapping[str, Any], count: int = 1) -> Quote:
    """Changes nothing. Raises as `submit_image` does where what is asked for is wrong or not allowed."""
    asked = _checked(actor, project, model, params, count)
    each = expected_ms(asked.params, asked.version)
    refuse_over_quota(actor, project, images=count, device_ms=(each or 0.0) * count)
    place = place_to_come(actor.pk, asked.version)
    return Quote(None if each is None else round(each * count / 1000, 2), place.starts_in, place.reason)


def queue_pictures(
    actor: User,
    project: Project,
    model: HostedModel,
    version: ModelVersion,
    params: Mapping[str, Any],
    count: int,
    through: str = "",
) -> list[GenerationJob]:
    """For checked parameters, in the transaction of the caller. Raises Refused."""
    jobs = [
        GenerationJob.objects.create(
            project=project,
            user=actor,
            model_version=version,
            kind=Kind.IMAGE,
            params={**params, "seed": params["seed"] + number},
            from_program=bool(through),
        )
        for number in range(count)
    ]
    refuse_overload(jobs[0])
    each = expected_ms(params, version) or 0.0
    for job in jobs:
        set_aside(job, actor, model, images=1, device_ms=each)
        trail.submitted(job, actor, through)
    transaction.on_commit(lambda: ring(jobs[0].pk, model.queue), robust=True)
    return jobs


def _checked(actor: User, project: Project, model: HostedModel, params: Mapping[str, Any], count: int) -> _Asked:
    version, _ = authorized(actor, project, model, {})
    chosen = clean_image_params(params, facts_of(version), is_adapter=version.is_adapter)
    if isinstance(count, bool) or not 1 <= count <= MAX_COUNT:
        raise ValidationError({"count": f"Ask for 1 to {MAX_COUNT} pictures at once."})
    if chosen["seed"] is not None and chosen["seed"] + count - 1 > MAX_SEED:
        most = MAX_SEED - count + 1
        raise ValidationError({"seed": f"For {count} pictures the first seed may be {most:,} at most."})
    found = {name: _picture(actor, project, name, chosen[name]) for name in PICTURES if chosen[name]}
    if "mask" in found and not _are_alike(found["mask"], found["source"]):
        raise ValidationError({"mask": OTHER_SHAPE.format(*map(_size, (found["mask"], found["source"])))})
    return _Asked(version, chosen)


def _picture(actor: User, project: Project, name: str, artifact_id: str) -> Artifact:
    """It has to be one that the person may see, of the same project: what it shows gets into the new picture."""
    try:
        found = get_artifact_for(actor, artifact_id)
    except (Http404, PermissionDenied):
        raise ValidationError({name: f"There is no such picture to take as the {name}."}) from None
    if found.project_id != project.pk:
        raise ValidationError({name: f"The {name} must be a picture of this project: bring a copy of it here first."})
    return found


def _are_alike(mask: Artifact, source: Artifact) -> bool:
    """Whether one is the other scaled, but for what was rounded. Of another shape each would be cropped around its own
    middle, and other parts would change than the mask shows."""
    return (
        abs(mask.width - mask.height * source.width / source.height) <= 1
        or abs(mask.height - mask.width * source.height / source.width) <= 1
    )


def _size(picture: Artifact) -> str:
    return f"{picture.width} × {picture.height}"


def _first_seed(chosen: int | None, count: int) -> int:
    """Fixed now: another attempt gives the same picture."""
    return secrets.randbelow(MAX_SEED + 2 - count) if chosen is None else chosen
