"""Models of other servers, as administrators add and change them in the console."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelState, Upstream
from apps.catalog.upstream_asking import target
from apps.conversations.page_state import models_json
from apps.generations.models import GenerationJob
from engine.remote.addresses import AddressRules
from tests.console.conftest import Staff
from tests.engine.faulty_server import DONE, answers, chunk, faulty, says
from tests.governance.permits import open_to_everyone
from tests.world import World

KEY = "sk-a-key-that-nobody-sees"
FORM = {
    "name": "DeepSeek R1",
    "model_id": "deep",
    "base_url": "https://gpu.example.org/v1/",
    "model_name": "deepseek-ai/DeepSeek-R1",
    "api_key": KEY,
    "context_length": "131072",
    "license_id": "mit",
    "first_token_seconds": "300",
    "between_tokens_seconds": "30",
}


@pytest.fixture
def admin(staff: Staff) -> Client:
    return staff.client("admin")


@pytest.fixture
def deep(admin: Client) -> HostedModel:
    assert "is added" in post(admin, "console_upstream_new", **FORM)
    return HostedModel.objects.get(pk="deep")


def post(client: Client, route: str, *parts: Any, **form: Any) -> str:
    """The page that comes of it, with what it tells."""
    return client.post(reverse(route, args=parts), form, follow=True).content.decode()


def test_a_model_is_added_and_its_key_is_on_no_page(deep: HostedModel, admin: Client) -> None:
    upstream = Upstream.objects.get()
    assert (upstream.base_url, upstream.first_token_seconds) == ("https://gpu.example.org/v1", 300)
    assert target(upstream).api_key == KEY
    addresses = [reverse(route, args=["deep"]) for route in ("console_model", "console_upstream", "model")]
    pages = [admin.get(address).content.decode() for address in [*addresses, "/console/models/"]]
    assert "https://gpu.example.org/v1" in pages[0]
    assert "kept, encrypted" in pages[0]
    assert "Empty: the one that is kept." in pages[1]
    assert not any(KEY in page or upstream.sealed_key in page for page in pages)


def test_people_read_that_it_runs_elsewhere_and_not_where(deep: HostedModel, world: World, client: Client) -> None:
    HostedModel.objects.update(state=ModelState.APPROVED)
    client.force_login(world.stranger)
    page = client.get("/models/deep/").content.decode()
    assert "On another server, which gets the conversations" in page
    assert "gpu.example.org" not in page + client.get("/models/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"base_url": "ftp://gpu/v1"}, "must begin with https"),
        ({"base_url": "https://u:p@gpu/v1"}, "the key has a field of its own"),
        ({"api_key": "two words"}, "A key is plain ASCII"),
        ({"context_length": "0"}, "greater than or equal to 1"),
        ({"model_id": "Not an id!"}, "letters, numbers, underscores or hyphens"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(admin: Client, wrong: dict[str, str], sentence: str) -> None:
    response = admin.post(reverse("console_upstream_new"), FORM | wrong)
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert "deepseek-ai/DeepSeek-R1" in page
    assert KEY not in page
    assert not HostedModel.objects.exists()


def test_an_id_is_given_once(deep: HostedModel, admin: Client) -> None:
    assert "There is a model deep already" in post(admin, "console_upstream_new", **FORM)


def test_a_change_keeps_the_key_at_its_server(deep: HostedModel, admin: Client) -> None:
    changed = FORM | {"api_key": "", "model_name": "DeepSeek-V3"}
    assert "from the next request on" in post(admin, "console_upstream", "deep", **changed)
    deep.refresh_from_db()
    now = Upstream.objects.get(version=deep.default_version)
    assert (now.model_name, target(now).api_key) == ("DeepSeek-V3", KEY)
    elsewhere = changed | {"base_url": "https://elsewhere.example.org/v1"}
    assert "Give the key again" in post(admin, "console_upstream", "deep", **elsewhere)
    post(admin, "console_upstream", "deep", **elsewhere | {"api_key": "sk-new"})
    deep.refresh_from_db()
    assert target(Upstream.objects.get(version=deep.default_version)).api_key == "sk-new"
    assert "is removed" in post(admin, "console_upstream_forget_key", "deep")
    assert not Upstream.objects.exclude(sealed_key="").exists()


def test_how_its_answers_are_read(deep: HostedModel, admin: Client) -> None:
    """Only by what can be found in a text; and another name there doesn't let thoughts into answers."""
    page = admin.get(reverse("console_model", args=["deep"])).content.decode()
    assert ('value="qwen3"' in page, 'value="harmony"' in page) == (True, False)
    version = deep.default_version
    assert version is not None
    form = {"version": version.pk, "format": "harmony"}
    assert "Choose one of the formats" in post(admin, "console_model_format", "deep", **form)
    assert "are read as “DeepSeek-R1" in post(admin, "console_model_format", "deep", **form | {"format": "deepseek-r1"})
    assert not target(version.upstream).opens_reasoning
    changed = FORM | {"api_key": "", "model_name": "DeepSeek-R1-0528", "opens_reasoning": "on"}
    assert "An answer begins inside it<" in post(admin, "console_upstream", "deep", **changed)
    deep.refresh_from_db()
    now = deep.default_version
    assert now is not None
    assert now != version
    assert (now.answer_format, target(now.upstream).opens_reasoning) == ("deepseek-r1", True)
    form_again = admin.get(reverse("console_upstream", args=["deep"])).content.decode()
    assert re.search(r'<input[^>]*name="opens_reasoning"[^>]* checked', form_again)
    event = AuditEvent.objects.filter(action="model.upstream.changed").get()
    assert event.details["changed"] == ["model_name", "opens_reasoning"]


def test_whether_it_takes_an_effort(deep: HostedModel, admin: Client, world: World) -> None:
    assert deep.default_version is not None
    assert not deep.default_version.takes_effort
    HostedModel.objects.update(state=ModelState.APPROVED)
    open_to_everyone(deep)
    post(admin, "console_upstream", "deep", **FORM | {"api_key": "", "takes_effort": "on"})
    assert "Its server is told<" in post(admin, "console_upstream_forget_key", "deep")
    (offered,) = models_json(world.editor, world.project)
    assert offered["takes_effort"] is True
    event = AuditEvent.objects.filter(action="model.upstream.changed").get()
    assert event.details["changed"] == ["takes_effort"]
    post(admin, "console_upstream", "deep", **FORM)
    assert not deep.versions.filter(takes_effort=True).exists()


def test_it_is_tried_out(admin: Client, settings: Any) -> None:
    settings.UPSTREAM_ADDRESSES = AddressRules.parse(["127.0.0.1"])
    unknown = answers("404 Not Found", body=b'{"error": "no such model"}')
    with faulty(says(chunk("<b>Hello</b>", "stop"), DONE), unknown) as server:
        post(admin, "console_upstream_new", **FORM | {"base_url": server.url})
        page = post(admin, "console_upstream_test", "deep")
        assert "“&lt;b&gt;Hello&lt;/b&gt;”; it does not count tokens" in page
        assert "refused the request (404): “no such model”" in post(admin, "console_upstream_test", "deep")


def test_it_is_removed_unless_its_answers_are_kept(deep: HostedModel, admin: Client, world: World) -> None:
    job = GenerationJob.objects.create(project=world.project, user=world.owner, model_version=deep.default_version)
    assert "its record must stay" in post(admin, "console_upstream_remove", "deep")
    job.delete()
    assert "is removed" in post(admin, "console_upstream_remove", "deep")
    assert not HostedModel.objects.exists()


def test_a_model_that_runs_here_has_no_server(admin: Client) -> None:
    HostedModel.objects.create(pk="near", name="Near")
    assert admin.get(reverse("console_upstream", args=["near"])).status_code == 404
