"""Pictures made row by row, where drawing them is not the point."""

from __future__ import annotations

from typing import Any

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations.models import Artifact, GenerationJob, Kind, Origin, State
from apps.projects.models import Project

PARAMS: dict[str, Any] = {
    "prompt": "a red apple",
    "negative_prompt": "",
    "width": 64,
    "height": 64,
    "steps": 6,
    "guidance": 4.0,
    "seed": 7,
    "scheduler": "default",
    "strength": 0.6,
    "source": None,
    "mask": None,
    "adapter_strength": 1.0,
    "batch": "0" * 16,
}


def painting(
    project: Project,
    user: User,
    model: HostedModel,
    prompt: str = "a red apple",
    state: str = State.QUEUED,
    **more: Any,
) -> GenerationJob:
    """A job for a picture; keywords are parameters."""
    return GenerationJob.objects.create(
        project=project,
        user=user,
        model_version=model.default_version,
        kind=Kind.IMAGE,
        state=state,
        params=PARAMS | {"prompt": prompt} | more,
    )


def painted(project: Project, user: User, model: HostedModel, prompt: str = "a red apple", **more: Any) -> Artifact:
    job = painting(project, user, model, prompt, State.SUCCEEDED, **more)
    return _artifact(project, user, job=job, width=job.params["width"], height=job.params["height"])


def uploaded(project: Project, user: User) -> Artifact:
    return _artifact(project, user, origin=Origin.UPLOADED, width=640, height=480)


def _artifact(project: Project, user: User, **more: Any) -> Artifact:
    files = {"size_bytes": 1000, "sha256": "0" * 64, "pixels_sha256": "1" * 64}
    return Artifact.objects.create(project=project, user=user, **files, **more)
