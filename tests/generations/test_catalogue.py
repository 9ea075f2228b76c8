"""The list of models, narrowed: by what one does, by whether one may use it and it is ready, by licence and size."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.catalog.licences import class_of
from apps.catalog.models import HostedModel, Modality, ModelVersion
from apps.generations.presence import announce
from apps.governance.models import Grant, Subject
from engine.janus.folder import ARCHITECTURE as JANUS
from tests.engine.tool_templates import QWEN
from tests.generations.models import hosted
from tests.world import World

GB = 1_000_000_000


def shelve(name: str, **facts: Any) -> HostedModel:
    """A model of the catalogue, open to everyone."""
    model = hosted(name.ljust(64, "0")[:64], name)
    ModelVersion.objects.filter(hosted_model=model).update(**facts)
    return model


@pytest.fixture
def shelf(world: World) -> None:
    writer = shelve("writer", size_bytes=GB // 2, license_id="Apache-2.0")
    thinker = shelve(
        "thinker", size_bytes=20 * GB, license_id="LicenseRef-llama3", answer_format="qwen3", chat_template=QWEN
    )
    painter = shelve("painter", size_bytes=3 * GB, license_id="CreativeML-OpenRAIL-M", image_facts={"width": 64})
    HostedModel.objects.filter(pk=painter.pk).update(modality=Modality.IMAGE)
    shelve("seer", size_bytes=60 * GB, license_id="CC-BY-NC-4.0", architecture=JANUS)
    shelve("far", source="upstream:ours", license_id="LicenseRef-unknown")
    Grant.objects.filter(hosted_model__in=[thinker, painter]).delete()
    Grant.objects.create(subject_type=Subject.PROJECT, project=world.project, hosted_model=painter)
    assert writer.default_version is not None
    announce("w", device="cpu", slots=1, loaded=[writer.default_version.digest], serves=["writer", "thinker", "far"])


@pytest.fixture
def editor(world: World, client: Client) -> Client:
    client.force_login(world.editor)
    return client


def found(client: Client, query: str) -> list[str]:
    return [entry.model.pk for entry in client.get(f"/models/?{query}").context["entries"]]


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("", ["far", "painter", "seer", "thinker", "writer"]),
        ("does=writes", ["far", "seer", "thinker", "writer"]),
        ("does=draws", ["painter"]),
        ("does=sees", ["seer"]),
        ("does=tools", ["far", "thinker"]),
        ("does=reasons", ["thinker"]),
        ("use=mine", ["far", "painter", "seer", "writer"]),
        ("use=ask", ["thinker"]),
        ("now=ready", ["writer"]),
        ("now=cold", ["thinker"]),
        ("now=unserved", ["painter", "seer"]),
        ("licence=permissive", ["writer"]),
        ("licence=own", ["painter", "thinker"]),
        ("licence=non-commercial", ["seer"]),
        ("licence=unknown", ["far"]),
        ("size=small", ["writer"]),
        ("size=medium", ["painter"]),
        ("size=large", ["thinker"]),
        ("size=huge", ["seer"]),
        ("size=elsewhere", ["far"]),
        ("q=WRIT", ["writer"]),
        ("q=er+ink", ["thinker"]),
        ("q=%00", ["far", "painter", "seer", "thinker", "writer"]),
        ("use=mine&now=ready&does=writes", ["writer"]),
        ("use=ask&now=ready", []),
        ("does=nonsense&size=%00&page=x", ["far", "painter", "seer", "thinker", "writer"]),
    ],
)
def test_each_choice_narrows_the_list(shelf: None, editor: Client, query: str, models: list[str]) -> None:
    assert found(editor, query) == models


def test_options_tell_how_many_there_would_be_and_what_nobody_is_isn_t_offered(shelf: None, editor: Client) -> None:
    page = editor.get("/models/?use=mine").content.decode()
    for words in ("Writes (3)", "Draws (1)", "Ready (1)", "You may use it (4)", "To be asked for (1)", "4 of 5 models"):
        assert words in page
    assert "Share alike" not in page
    assert '<option value="mine" selected>' in page
    HostedModel.objects.exclude(pk="writer").delete()
    page = editor.get("/models/?does=draws").content.decode()
    assert "Draws (0)" in page, "what was chosen stays to be seen"
    assert "None has all that you chose" in page
    assert "None of those that you may see is called “zebra”" in editor.get("/models/?q=zebra").content.decode()


def test_what_is_searched_for_is_text(shelf: None, editor: Client) -> None:
    page = editor.get("/models/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in page


def test_narrowing_takes_no_more_queries(shelf: None, editor: Client) -> None:
    def count(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            editor.get(f"/models/?{query}")
        return len(queries)

    editor.get("/models/")
    assert count("does=tools&use=mine&now=ready&size=small&licence=own&q=a") == count("")


@pytest.mark.parametrize(
    ("license_id", "kind"),
    [
        ("Apache-2.0", "permissive"),
        ("apache-2.0", "permissive"),
        ("CC-BY-4.0", "permissive"),
        ("CC-BY-SA-4.0", "share-alike"),
        ("CC-BY-NC-SA-4.0", "non-commercial"),
        ("AGPL-3.0-only", "share-alike"),
        ("MPL-2.0", "share-alike"),
        ("LicenseRef-gemma", "own"),
        ("LicenseRef-unknown", "unknown"),
        ("", "unknown"),
    ],
)
def test_classes_of_licences(license_id: str, kind: str) -> None:
    assert class_of(license_id) == kind
