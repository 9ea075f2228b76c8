"""Takes away what people wrote; pictures: their rows, after the commit their files, and files that no row speaks of."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from time import time

from django.db import transaction
from django.db.models import QuerySet

from apps.generations.models import Artifact, GenerationJob
from apps.generations.params import without_words
from apps.generations.picture_store import folders, remove

YOUNG_SECONDS = 3600
"""A file is written before its row, and an end is tried until the database is there: so long it may be without one."""
WORDS = ("prompt", "negative_prompt")
logger = logging.getLogger(__name__)


def erase_pictures(pictures: QuerySet[Artifact]) -> None:
    """In the transaction of the caller; the files go after its commit."""
    gone = list(pictures.values_list("pk", flat=True))
    Artifact.objects.filter(pk__in=gone).delete()
    transaction.on_commit(lambda: _remove(gone), robust=True)


def erase_words_of(jobs: Collection[GenerationJob]) -> None:
    """Of jobs of text what their parameters say: schemas, patterns, tools, stop strings, words."""
    for job in jobs:
        params = without_words(job.params)
        if params != job.params:
            GenerationJob.objects.filter(pk=job.pk).update(params=params)


def erase_pictures_of(jobs: Collection[GenerationJob]) -> None:
    """Of image jobs the pictures, and what the prompts say; sizes and seeds stay for accounting."""
    if not jobs:
        return
    for job in jobs:
        GenerationJob.objects.filter(pk=job.pk).update(params=job.params | dict.fromkeys(WORDS, ""))
    erase_pictures(Artifact.objects.filter(job__in=[job.pk for job in jobs]))


def sweep_files() -> int:
    """Remove files of pictures that no row speaks of: of projects that were deleted, of ends that never reached the
    database; and what was left half written. How many."""
    return sum(_sweep(folder) for folder in folders())


def _sweep(folder: Path) -> int:
    """All names of a folder are asked about at once."""
    files = [path for path in folder.iterdir() if path.is_file() and _is_old(path)]
    names = {path: path.name.split(".")[0] for path in files}
    known = set(Artifact.objects.filter(pk__in=set(names.values()) - {""}).values_list("pk", flat=True))
    lost = [path for path, name in names.items() if name not in known]
    for path in lost:
        path.unlink(missing_ok=True)
    if lost:
        logger.info("%d files without a picture were removed from %s", len(lost), folder.name)
    return len(lost)


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time() - YOUNG_SECONDS
    except FileNotFoundError:
        return False


def _remove(gone: list[str]) -> None:
    for artifact_id in gone:
        try:
            remove(artifact_id)
        except OSError as error:
            logger.warning("the file of picture %s is left to housekeeping: %s", artifact_id, error)
