"""The latest checkpoint, kept in a file outside the database: a log cut off there shows here."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from apps.audit.checkpoints import Checkpoint
from apps.audit.models import Seal

logger = logging.getLogger(__name__)
NAME = "last_checkpoint.json"


def keep_witness(folder: Path, signed: Checkpoint) -> None:
    """Put `signed` in the place of the one before, unless that one is on the chain no more: then it is evidence."""
    before = read_witness(folder)
    if before and not _is_on_chain(before):
        logger.error(
            "the log lacks position %s, which was signed: run manage.py audit verify, and read docs/operations.md",
            before.position,
        )
        return
    written = folder / f"{NAME}.{os.getpid()}"
    written.write_text(json.dumps(signed.as_json(with_trail=False)))
    written.replace(folder / NAME)


def read_witness(folder: Path) -> Checkpoint | None:
    """None where there is none. Raises ValueError where the file holds something else."""
    path = folder / NAME
    return Checkpoint.from_json(json.loads(path.read_text())) if path.exists() else None


def _is_on_chain(signed: Checkpoint) -> bool:
    found = Seal.objects.filter(position=signed.position).values_list("hash", flat=True).first()
    return found is not None and bytes(found) == signed.hash
