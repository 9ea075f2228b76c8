"""python -m apps.catalog.install_process INSTALL ATTEMPT: works at one install that somebody asked for.

In a process of its own, since a download can't be stopped from within, and what it takes of memory is gone with it.
It ends when its input does: then whoever started it is gone.
"""

from __future__ import annotations

import os
import sys

import django

NICE = 10
"""Answers that are made on the same processor come first."""


def main(install_id: str, attempt: int) -> int:
    os.nice(NICE)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
    django.setup()
    # Not above: models can only be imported now.
    from apps.catalog.install_claims import Claim
    from apps.catalog.install_work import Work

    return Work(Claim(install_id, attempt)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
