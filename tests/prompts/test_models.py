"""What the database itself keeps: revisions never change."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from apps.prompts.models import Prompt, PromptRevision
from tests.world import World


def test_a_revision_never_changes(world: World) -> None:
    prompt = Prompt.objects.create(author=world.owner, title="Tides")
    revision = PromptRevision.objects.create(prompt=prompt, number=1, author=world.owner, title="Tides", user="When?")
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        PromptRevision.objects.filter(pk=revision.pk).update(user="Another text")
    world.owner.delete()
    assert PromptRevision.objects.get(pk=revision.pk).author is None
