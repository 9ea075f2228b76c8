from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.models import GenerationJob
from tests.generations.conftest import model, settings_of_tests, tiny_store
from tests.world import World

__all__ = ["model", "settings_of_tests", "tiny_store"]

SubmitAs = Callable[..., GenerationJob]


@pytest.fixture
def submit_as(world: World, model: HostedModel) -> SubmitAs:
    """Submit a prompt as somebody who is an editor of the world's project; keywords are parameters."""

    def make(user: User, **params: int) -> GenerationJob:
        messages = [{"role": "user", "content": "Say something"}]
        with transaction.atomic():
            return submit_generation(
                actor=user, project=world.project, model=model, messages=messages, params={"max_tokens": 20, **params}
            )

    return make
