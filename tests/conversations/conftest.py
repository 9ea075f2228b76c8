from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from channels.layers import channel_layers
from django.test import Client

from apps.catalog.models import HostedModel
from apps.catalog.store import model_store
from apps.conversations.models import Conversation
from tests.conversations.build import listed_model, make_conversation
from tests.conversations.seeing import hosted_janus
from tests.engine.janus.tiny import make_janus
from tests.engine.tiny import make_checkpoint
from tests.world import World

ClientOf = Callable[[str], Client]


@pytest.fixture(autouse=True)
def fresh_channel_layer() -> None:
    """The layer of channels_redis keeps locks of an event loop; every test has another loop."""
    channel_layers.backends.clear()


@pytest.fixture(scope="session")
def tiny_digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny random model in the store of this run."""
    folder: Path = make_checkpoint(tmp_path_factory.mktemp("tiny"), "Llama")
    return model_store().install(folder, {}).digest


@pytest.fixture
def model(world: World, tiny_digest: str) -> HostedModel:
    """A model that prompts can be counted and sent with."""
    return listed_model(digest=tiny_digest)


@pytest.fixture
def conversation(world: World, model: HostedModel) -> Conversation:
    return make_conversation(world.project, world.editor, model)


@pytest.fixture
def editor(world: World) -> Client:
    client = Client()
    client.force_login(world.editor)
    return client


@pytest.fixture
def client_of(world: World) -> ClientOf:
    """A browser of the person with this name, or of nobody: `anonymous`."""

    def make(name: str) -> Client:
        client = Client()
        if name != "anonymous":
            client.force_login(world.person(name))
        return client

    return make


@pytest.fixture(scope="session")
def janus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_janus(tmp_path_factory.mktemp("janus"))


@pytest.fixture(scope="session")
def janus_digest(janus_folder: Path) -> str:
    """A tiny random model that sees, in the store of this run."""
    return model_store().install(janus_folder, {}).digest


@pytest.fixture
def janus(world: World, janus_folder: Path, janus_digest: str) -> HostedModel:
    return hosted_janus(janus_folder, janus_digest)


@pytest.fixture
def talk(world: World, janus: HostedModel) -> Conversation:
    """A conversation with the model that sees."""
    return make_conversation(world.project, world.editor, janus)
