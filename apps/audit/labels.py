"""Labels by reference: an event names a salted hash of the text, and the text lies apart, where it can be erased."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from django.db import transaction

from apps.audit.label_text import reference

MAX_CHARS = 254
SALT_BYTES = 16
REMEMBERED = 20_000


class Text(NamedTuple):
    """What a label says, and of whom or what: the id of a person, a project …; "" of nobody in particular."""

    subject_id: str
    text: str


class NewLabel(NamedTuple):
    """A row to be, should the text not be there yet."""

    ref: uuid.UUID
    salt: bytes


def new_label(label: Text) -> NewLabel:
    salt = secrets.token_bytes(SALT_BYTES)
    return NewLabel(reference(label.subject_id, label.text, salt), salt)


class _Memory:
    """References that this process has seen committed, the latest of them. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refs: OrderedDict[tuple[str, Text], uuid.UUID] = OrderedDict()

    def get(self, database: str, label: Text) -> uuid.UUID | None:
        with self._lock:
            return self._refs.get((database, label))

    def keep(self, database: str, found: Mapping[Text, uuid.UUID]) -> None:
        with self._lock:
            for label, ref in found.items():
                self._refs[(database, label)] = ref
            while len(self._refs) > REMEMBERED:
                self._refs.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._refs.clear()


_memory = _Memory()
forget_all = _memory.forget


def remembered(database: str, label: Text) -> uuid.UUID | None:
    """The reference of a label that is known to be in `database`. Where it was erased since, it points to nothing."""
    return _memory.get(database, label)


def remember_on_commit(database: str, found: Mapping[Text, uuid.UUID]) -> None:
    """Only then: a rollback takes new labels away, and nobody may go on naming them."""
    transaction.on_commit(partial(_keep, database, dict(found)))


def _keep(database: str, found: Mapping[Text, uuid.UUID]) -> None:
    _memory.keep(database, found)
