"""manage.py quotas check: does the ledger of what was used balance?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.quotas.balance import differences
from apps.quotas.models import LedgerEntry

SHOWN = 20


class Command(BaseCommand):
    help = "Sum up the ledger of usage again and compare it with its totals."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("check", help="name the totals that are not what the entries come to; exit status 1 then")

    def handle(self, *args: Any, **options: Any) -> None:
        """One statement reads one state of the database: it may run while the site is used."""
        found = differences()
        if not found:
            self.stdout.write(f"The ledger balances: {LedgerEntry.objects.count():,} entries.")
            return
        for subject, subject_id, model_id, day in found[:SHOWN]:
            self.stdout.write(f"{day}  {model_id}  {' '.join((subject, subject_id)).strip()}")
        wrong = "1 total is" if len(found) == 1 else f"{len(found)} totals are"
        more = f"; the first {SHOWN} are named above" if len(found) > SHOWN else ""
        raise CommandError(f"{wrong} not what the entries come to{more}.", returncode=1)
