"""manage.py housekeeping: what has to be done again and again, until it is told to end."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aiplatform.housekeeping import Housekeeper, run_once
from apps.lib.chores import Chore, chores


class Command(BaseCommand):
    help = "Do the site's chores: seal the audit log, end what has expired, empty bins. Several may run; one works."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", help="only these chores; none named: all")
        parser.add_argument("--once", action="store_true", help="do each once, now, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = _chosen(options["names"])
        if options["once"]:
            if failed := run_once(chosen):
                raise CommandError(f"Failed: {', '.join(failed)}. The log says why.")
            self.stdout.write(f"Done: {', '.join(chore.name for chore in chosen)}.")
            return
        ending = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ending.set())
        Housekeeper(chosen).work(ending)


def _chosen(names: list[str]) -> list[Chore]:
    known = chores()
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"There is no chore {unknown[0]}. There are: {', '.join(sorted(known))}.")
    return [known[name] for name in names] if names else list(known.values())
