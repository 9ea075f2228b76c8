"""What the audit log keeps of a search: it is never erased, so of what was typed only whom or what it names by id."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from apps.accounts.models import User
from apps.console.tables import Table
from apps.lib.http import search_text
from apps.lib.ids import is_id

TYPED = "(typed)"
"""Stands for words that name nobody by an id or an address."""


def noted(table: Table[Any], asked: QueryDict) -> dict[str, str]:
    """The filters in use: choices and days as they are, the address of a person as that person's id."""
    given = {each.key: (each.chosen(asked), each.kind == "words") for each in table.filters}
    if table.search:
        given["q"] = search_text(asked, "q"), True
    return {key: _id_of(text) if typed else text for key, (text, typed) in given.items() if text}


def _id_of(text: str) -> str:
    if is_id(text):
        return text
    return User.objects.filter(email__iexact=text).values_list("pk", flat=True).first() or TYPED
