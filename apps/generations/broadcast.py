"""Tells the sockets of a project's studio what was committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apps.generations.events import finish
from apps.generations.models import GenerationJob
from apps.lib.groups import group_send_on_commit

JSON = dict[str, Any]


def group_of(project_id: str) -> str:
    return f"studio.{project_id}"


def tell_all(project_id: str, frame: Callable[[], JSON]) -> None:
    """Send a frame, made after the commit, to every socket of the studio."""
    group_send_on_commit(group_of(project_id), lambda: {"type": "client.frames", "frames": [frame()]})


def pictures_gone(project_id: str, ids: Sequence[str]) -> None:
    _tell_of("gone", project_id, ids)


def pictures_back(project_id: str, ids: Sequence[str]) -> None:
    _tell_of("back", project_id, ids)


def picture_over(job: GenerationJob) -> None:
    """How it ended, for pages that don't follow it as well; `artifact` is loaded."""
    told = {"type": "job", "job": job.pk, "attempt": job.attempt}
    tell_all(job.project_id, lambda: told | {"event": finish(job, with_text=False)})


def _tell_of(what: str, project_id: str, ids: Sequence[str]) -> None:
    if ids:
        tell_all(project_id, lambda: {"type": what, "pictures": list(ids)})
