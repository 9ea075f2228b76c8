"""The pages of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.markdown import render_card
from apps.catalog.models import HostedModel
from apps.conversations.models import Conversation
from apps.governance.models import Grant
from tests.catalog.conftest import Models
from tests.governance.permits import open_to_everyone
from tests.world import World


@pytest.fixture
def installed(models: Models, tiny: Path) -> HostedModel:
    models("install", f"path:{tiny}", "--approve")
    return HostedModel.objects.get()


def test_the_list_shows_what_people_choose_by(installed: HostedModel, world: World, client: Client) -> None:
    client.force_login(world.stranger)
    page = client.get("/models/").content.decode()
    for shown in ("Tiny Llama", "Apache-2.0", "128 tokens", "Text"):
        assert shown in page


def test_cards_and_pages_say_what_one_may_use_and_lead_there(
    installed: HostedModel, world: World, client: Client
) -> None:
    client.force_login(world.editor)
    assert "Not for you yet" in client.get("/models/").content.decode()
    open_to_everyone(installed)
    assert "You may use it" in client.get("/models/").content.decode()
    assert "Start a conversation in Lighthouse" in client.get("/models/tiny-llama/").content.decode()
    HostedModel.objects.create(pk="another", name="Another", default_version=installed.default_version)
    url = f"/p/{world.project.pk}/conversations/new/"
    for asked, given in (("tiny-llama", "tiny-llama"), ("another", "tiny-llama"), ("\0", "tiny-llama")):
        client.post(url, {"model": asked})
        assert Conversation.objects.latest("updated_at").hosted_model_id == given
    client.force_login(world.viewer)
    page = client.get("/models/tiny-llama/").content.decode()
    assert "You may use it" in page
    assert "Start a conversation" not in page  # viewers write in no project
    Grant.objects.update(subject_type="project", project=world.project)
    client.force_login(world.editor)
    assert "In Lighthouse" in client.get("/models/").content.decode()
    assert "Start a conversation in Lighthouse" in client.get("/models/tiny-llama/").content.decode()


def test_what_the_site_lets_a_model_read_is_told(
    installed: HostedModel, world: World, client: Client, settings: Any
) -> None:
    settings.MAX_CONTEXT = 64
    client.force_login(world.stranger)
    assert "64 tokens" in client.get("/models/").content.decode()
    page = client.get("/models/tiny-llama/").content.decode()
    assert "64 tokens here, as MAX_CONTEXT of this site allows; the model itself reads 128" in page


def test_a_model_s_page(installed: HostedModel, world: World, client: Client) -> None:
    client.force_login(world.stranger)
    page = client.get("/models/tiny-llama/").content.decode()
    for shown in (
        "<h3>Tiny</h3>",
        "https://spdx.org/licenses/Apache-2.0.html",
        "LlamaForCausalLM",
        "model.safetensors",
    ):
        assert shown in page
    version = installed.versions.get()
    assert all(file["sha256"] in page for file in version.files)


@pytest.mark.parametrize("path", ["/models/", "/models/tiny-llama/"])
def test_signed_out_people_are_asked_to_sign_in(installed: HostedModel, client: Client, path: str) -> None:
    assert client.get(path).status_code == 302


def test_an_empty_catalogue_says_what_to_do(world: World, client: Client) -> None:
    client.force_login(world.viewer)
    assert b"An administrator of this site installs models" in client.get("/models/").content
    client.force_login(world.admin)
    assert b"manage.py models install demo:smollm2-135m" in client.get("/models/").content


def test_a_disabled_model_is_for_administrators(installed: HostedModel, world: World, client: Client) -> None:
    HostedModel.objects.update(is_enabled=False)
    client.force_login(world.owner)
    assert client.get("/models/tiny-llama/").status_code == 404
    assert b"Tiny Llama" not in client.get("/models/").content
    client.force_login(world.admin)
    assert b"disabled" in client.get("/models/tiny-llama/").content


def test_administrators_disable_and_enable(installed: HostedModel, world: World, client: Client) -> None:
    url = "/console/models/tiny-llama/enable/"
    client.force_login(world.owner)
    assert b"Disable" not in client.get("/models/tiny-llama/").content
    assert client.post(url, {"enabled": "no"}).status_code == 404
    client.force_login(world.admin)
    assert url.encode() in client.get("/models/tiny-llama/").content
    client.post(url, {"enabled": "no"})
    assert not HostedModel.objects.available().exists()
    client.post(url, {"enabled": "yes"})
    assert HostedModel.objects.available().exists()
    recorded = AuditEvent.objects.filter(actor_id=world.admin.pk, target_id="tiny-llama")
    assert list(recorded.order_by("id").values_list("action", flat=True)) == ["model.disabled", "model.enabled"]


def test_the_list_costs_the_same_however_many_models(
    installed: HostedModel, world: World, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        HostedModel.objects.create(pk=f"m{number}", name=f"M{number}", default_version=installed.default_version)
    client.force_login(world.viewer)
    with django_assert_max_num_queries(16):
        client.get("/models/")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://elsewhere.example/pixel.png)",
        "<svg onload=alert(1)>",
        "<iframe src='https://elsewhere.example'></iframe>",
        "[x]: javascript:alert(1)\n\n[x]",
        "```\n</code></pre><script>alert(1)</script>\n```",
    ],
)
def test_a_hostile_card_does_nothing(hostile: str) -> None:
    html = render_card(hostile)
    for harmful in ("<script", "<img", "<svg", "<iframe", 'href="javascript', 'href="data', "pixel.png"):
        assert harmful not in html


def test_a_card_is_markdown() -> None:
    html = render_card("# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](https://example.org) **bold**")
    assert html.startswith("<h3>Title</h3>")
    assert "<table>" in html
    assert '<a href="https://example.org" rel="noopener noreferrer nofollow">link</a> <strong>bold</strong>' in html
