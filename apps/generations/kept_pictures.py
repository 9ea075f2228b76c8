"""A finished picture on its way into the database: its file first, its row in the transaction of the job's end."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from django.db import DatabaseError

from apps.generations.models import Artifact
from apps.generations.picture_store import copy, path_of, remove, write
from apps.lib.ids import new_id
from engine.pictures import Picture
from engine.types import ImageEvent

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """Its file is written; its row is not."""

    artifact_id: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    pixels_sha256: str

    def row(self, *, project_id: str, user_id: str | None, job_id: str | None, origin: str) -> Artifact:
        """Not saved yet."""
        return Artifact(
            id=self.artifact_id,
            project_id=project_id,
            user_id=user_id,
            job_id=job_id,
            origin=origin,
            width=self.width,
            height=self.height,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            pixels_sha256=self.pixels_sha256,
        )


def keep(picture: ImageEvent | Picture) -> KeptPicture:
    """Write the file of what an engine made, or of what was cleaned, under a new id. Raises OSError."""
    kept = KeptPicture(
        new_id(),
        picture.width,
        picture.height,
        len(picture.png),
        hashlib.sha256(picture.png).hexdigest(),
        picture.pixels_sha256,
    )
    write(path_of(kept.artifact_id), picture.png)
    return kept


def copied(artifact: Artifact) -> KeptPicture:
    """The same picture under a new id, for another place. Raises OSError."""
    kept = KeptPicture(
        new_id(), artifact.width, artifact.height, artifact.size_bytes, artifact.sha256, artifact.pixels_sha256
    )
    copy(artifact.pk, kept.artifact_id)
    return kept


def discard(kept: KeptPicture) -> None:
    """Remove the file, unless its row is there after all: a connection may break while a commit is confirmed. Where
    that can't be told, housekeeping finds out later."""
    try:
        if not Artifact.objects.filter(pk=kept.artifact_id).exists():
            remove(kept.artifact_id)
    except (DatabaseError, OSError) as error:
        logger.warning("the file of picture %s is left to housekeeping: %s", kept.artifact_id, error)
