from __future__ import annotations

import pytest
from channels.layers import channel_layers
from django.test import Client

from apps.catalog.models import HostedModel
from apps.generations.models import Artifact
from tests.generations.pictures import hosted_painter
from tests.studio.build import painted
from tests.world import World


@pytest.fixture(autouse=True)
def fresh_channel_layer() -> None:
    """The layer of channels_redis keeps locks of an event loop; every test has another loop."""
    channel_layers.backends.clear()


@pytest.fixture
def painter(db: None) -> HostedModel:
    return hosted_painter()


@pytest.fixture
def apple(world: World, painter: HostedModel) -> Artifact:
    """A picture that the editor made."""
    return painted(world.project, world.editor, painter)


@pytest.fixture
def editor(world: World) -> Client:
    client = Client()
    client.force_login(world.editor)
    return client
