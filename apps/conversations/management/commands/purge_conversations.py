"""Erase conversations that have been in the bin for longer than CONVERSATION_BIN_DAYS. Run it daily."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.conversations.actions.lifecycle import purge_overdue


class Command(BaseCommand):
    help = "Erase conversations that have been in the bin for longer than CONVERSATION_BIN_DAYS days."

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        while erased := purge_overdue():
            total += erased
        self.stdout.write(f"Erased {total} conversation{'' if total == 1 else 's'}.")
