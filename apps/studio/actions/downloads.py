"""Several pictures as one ZIP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.generations.artifact_files import METADATA, NOTHING, Tells, download_of, name_of
from apps.generations.models import Artifact
from apps.generations.picture_store import path_of
from apps.projects.models import Project
from apps.studio.inputs import refused
from engine.pictures import Kind
from engine.pictures.archive import zipped


def download_pictures(*, actor: User, project: Project, pictures: Sequence[Artifact], metadata: str) -> Iterator[bytes]:
    """Pieces of the ZIP, made while it is sent. Raises Refused for a choice that there isn't, for missing files, and
    where they can't be signed: the first is made at once to find out."""
    if metadata not in METADATA:
        raise refused("invalid", f"“metadata” must be one of {', '.join(METADATA)}.")
    if missing := [each.pk for each in pictures if not path_of(each.pk).exists()]:
        message = f"The file of {missing[0]} is missing on the server. Leave it out, and tell an administrator."
        raise refused("missing", message)
    files = _files(pictures, METADATA[metadata])
    first = list(islice(files, 1))
    target = Target("project", project.pk, str(project))
    record("pictures.downloaded", actor=actor, target=target, project_id=project.pk, pictures=len(pictures))
    return zipped(chain(first, files))


def _files(pictures: Iterable[Artifact], tells: Tells) -> Iterator[tuple[str, datetime, bytes]]:
    """Of an uploaded picture nothing can be told, so its file tells nothing."""
    for picture in pictures:
        told = tells if picture.job_id else NOTHING
        yield name_of(picture, Kind.PNG), picture.created_at, download_of(picture, Kind.PNG, told)
