"""Tells followers to look again, after a commit. A courtesy: they look once a second in any case."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from apps.generations.log import erase, nudge_to_look
from apps.generations.models import GenerationJob
from apps.lib.redis import AWAY, sync_client

logger = logging.getLogger(__name__)


def tell_followers(job_ids: Iterable[str]) -> None:
    try:
        for job in job_ids:
            nudge_to_look(sync_client(), job)
    except AWAY as error:
        logger.warning("followers were not told that jobs changed: %s", error)


def erase_logs(jobs: Iterable[GenerationJob]) -> None:
    """Delete the event logs of these jobs. With Redis away they stay until they expire, an hour after the end."""
    try:
        for job in jobs:
            erase(sync_client(), job.pk, job.attempt)
    except AWAY as error:
        logger.warning("event logs were not erased: %s", error)
