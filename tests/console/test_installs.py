"""Models of the hub, as those who govern install them in the console."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.catalog.actions import Wishes
from apps.catalog.install_claims import claim, end_failed
from apps.catalog.install_work import Work
from apps.catalog.installs import ask_install
from apps.catalog.models import HostedModel, InstallState, ModelInstall, ModelVersion, WeightsKind
from apps.catalog.sources.hub import HubSource
from apps.moderation.models import Notice
from tests.catalog.conftest import hub, store_root, tiny
from tests.catalog.hub import COMMIT, Hub
from tests.console.conftest import Staff

__all__ = ["hub", "store_root", "tiny"]
PINNED = f"hf:tiny/llama@{COMMIT}"
LIST = "/console/installs/"


@pytest.fixture
def governor(staff: Staff, store_root: Path) -> Client:
    return staff.client("governor")


@pytest.fixture
def asked(staff: Staff, store_root: Path, hub: Hub) -> ModelInstall:
    source = HubSource.parse("tiny/llama")
    return ask_install(actor=staff.governor, source=source, wishes=Wishes(), weights=WeightsKind.FULL)


def post(client: Client, route: str, *parts: Any, **form: Any) -> tuple[int, str]:
    """How it ends, and the page that comes of it."""
    response = client.post(reverse(route, args=parts), form, follow=True)
    return response.status_code, response.content.decode().replace("\xa0", " ")


def work() -> None:
    """As the process does it, without its threads."""
    found = claim()
    assert found
    process = Work(found)
    process._watch = process._beat = lambda: None  # type: ignore[method-assign]
    process.run()


def test_from_the_name_to_the_catalogue(governor: Client, staff: Staff, hub: Hub) -> None:
    assert "Install a model" in governor.get("/console/models/").content.decode()
    status, page = post(governor, "console_install_look", source="tiny/llama")
    assert status == 200
    for words in ("Writes texts", "LlamaForCausalLM", "Apache-2.0", "128 tokens", "Nothing stands against it", COMMIT):
        assert words in page
    assert f'value="{PINNED}"' in page
    status, page = post(governor, "console_install_new", source=PINNED, name="My own", model_id="mine", weights="int8")
    assert "tiny/llama is being installed" in page
    install = ModelInstall.objects.get()
    assert (install.asked_by, install.revision, install.weights) == (staff.governor, COMMIT, WeightsKind.INT8)
    work()
    notice = Notice.objects.get(user=staff.governor)
    assert (notice.title, notice.url) == ("tiny/llama is installed", reverse("console_model", args=["mine"]))
    page = governor.get("/console/installs/live/").content.decode()
    assert "Installed" in page
    assert reverse("console_model", args=["mine"]) in page
    assert f"{reverse('console_grant_new')}?model=mine" in page
    assert "data-unfinished" not in page
    assert "installed already" in post(governor, "console_install_look", source=PINNED)[1]


@pytest.mark.parametrize("source", ["path:/etc/passwd", "demo:emoji-64", "https://evil.example/x", "file:/etc/passwd"])
def test_a_browser_names_no_paths_and_no_other_servers(governor: Client, hub: Hub, source: str) -> None:
    status, page = post(governor, "console_install_look", source=source)
    assert status == 422
    assert "Here models come from the hub only" in page
    assert f'value="{source}"' in page
    assert post(governor, "console_install_new", source=source)[0] == 422
    assert not hub.requests
    assert not ModelInstall.objects.exists()


@pytest.mark.parametrize("source", ["tiny/llama@../../x", "../llama", "tiny", "tiny/llama/../x", "tiny/l?x=1", "a b/c"])
def test_a_name_that_is_none_asks_nobody(governor: Client, hub: Hub, source: str) -> None:
    assert post(governor, "console_install_look", source=source)[0] == 422
    assert not hub.requests


def test_the_address_of_its_page_is_understood(governor: Client, hub: Hub) -> None:
    assert post(governor, "console_install_look", source="https://huggingface.co/tiny/llama/")[0] == 200


def test_what_cannot_run_here_is_not_installed_however_it_is_asked_for(governor: Client, hub: Hub) -> None:
    config = hub.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"architectures": ["BertModel"]}))
    page = post(governor, "console_install_look", source="tiny/llama")[1]
    assert "This site can’t run it." in page
    assert "Install it</button>" not in page
    assert post(governor, "console_install_new", source=PINNED)[0] == 422
    assert not ModelInstall.objects.exists()


def test_what_the_hub_does_not_have_is_said_at_the_field(governor: Client, hub: Hub) -> None:
    status, page = post(governor, "console_install_look", source="tiny/other")
    assert status == 422
    assert "The hub has no model tiny/other" in page


def test_the_same_twice_is_refused_in_words(governor: Client, asked: ModelInstall) -> None:
    status, page = post(governor, "console_install_new", source=PINNED)
    assert status == 422
    assert "is being installed already" in page


def test_an_id_that_another_model_has_is_refused_before_anything_is_fetched(governor: Client, hub: Hub) -> None:
    model = HostedModel.objects.create(id="llama", name="Another")
    ModelVersion.objects.create(
        hosted_model=model, digest="ab" * 32, source="path:/else", size_bytes=1, license_id="MIT",
        architecture="LlamaForCausalLM", context_length=128,
    )  # fmt: skip
    status, page = post(governor, "console_install_new", source=PINNED)
    assert status == 422
    assert "llama is the id of another model" in page
    assert "is being installed" in post(governor, "console_install_new", source=PINNED, model_id="llama-2")[1]


def test_a_newer_revision_says_what_it_takes_the_place_of(governor: Client, asked: ModelInstall) -> None:
    work()
    ModelVersion.objects.update(revision="f" * 40)
    page = post(governor, "console_install_look", source="tiny/llama")[1]
    assert "becomes the version in use, at once" in page


def test_an_adapter_is_put_on_the_base_that_one_chooses(governor: Client, asked: ModelInstall, hub: Hub) -> None:
    work()
    for path in hub.folder.iterdir():
        if path.name != "model.safetensors":
            path.unlink()
    (hub.folder / "model.safetensors").rename(hub.folder / "adapter_model.safetensors")
    (hub.folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8}))
    ModelVersion.objects.update(source="hf:tiny/whole")
    page = post(governor, "console_install_look", source="tiny/llama")[1]
    assert "It doesn&#x27;t say for what model." in page
    assert '<option value="llama">' in page
    page = post(governor, "console_install_look", source=PINNED, base="llama")[1]
    assert "Nothing stands against it" in page
    assert "Weights in memory" not in page
    assert 'name="base" value="llama"' in page
    assert "is being installed" in post(governor, "console_install_new", source=PINNED, base="llama", model_id="on")[1]
    assert ModelInstall.objects.get(model_id="on").base == "llama"


def test_live_rows_tell_how_far_it_is(governor: Client, asked: ModelInstall) -> None:
    ModelInstall.objects.update(
        state=InstallState.FETCHING, total_bytes=8_000_000_000, fetched_bytes=2_000_000_000, bytes_per_second=50_000_000
    )
    page = governor.get("/console/installs/live/").content.decode().replace("\xa0", " ")
    assert "1.9 GB of 7.5 GB, 47.7 MB a second, about 2 min left" in page
    assert 'value="25"' in page
    assert "data-unfinished" in page


def test_it_is_cancelled_and_tried_again(
    governor: Client, asked: ModelInstall, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert "is cancelled" in post(governor, "console_install_cancel", asked.pk)[1]
    assert "has ended already" in post(governor, "console_install_cancel", asked.pk)[1]
    assert "is tried again" in post(governor, "console_install_retry", asked.pk)[1]
    assert "needs no other try" in post(governor, "console_install_retry", asked.pk)[1]
    work()
    assert HostedModel.objects.get().pk == "llama"
    actions = AuditEvent.objects.filter(action__startswith="model.install.").order_by("pk")
    said = [action.removeprefix("model.install.") for action in actions.values_list("action", flat=True)]
    assert said == ["asked", "cancelled", "asked", "done"]


def test_why_it_failed_is_shown_with_a_way_on(governor: Client, asked: ModelInstall) -> None:
    found = claim()
    assert found
    end_failed(found, "The hub said <b>no</b>.")
    page = governor.get(LIST).content.decode()
    assert "The hub said &lt;b&gt;no&lt;/b&gt;." in page
    assert "Try again" in page
    assert "Give it up" in page
    notice = Notice.objects.get(user=asked.asked_by)
    assert (notice.title, notice.text) == ("tiny/llama could not be installed", "The hub said <b>no</b>.")


def test_auditors_look_and_change_nothing(staff: Staff, asked: ModelInstall) -> None:
    auditor = staff.client("auditor")
    page = auditor.get(LIST).content.decode()
    assert "tiny/llama" in page
    assert "What is it?" not in page
    assert "/cancel/" not in page
    for route, parts in (("look", []), ("new", []), ("cancel", [asked.pk]), ("retry", [asked.pk])):
        address = reverse(f"console_install_{route}", args=parts)
        assert auditor.post(address, {"source": "tiny/llama"}).status_code == 403


def test_a_site_without_a_hub_says_so(governor: Client, hub: Hub, settings: Any) -> None:
    settings.HF_HUB_OFFLINE = True
    page = governor.get(LIST).content.decode()
    assert "HF_HUB_OFFLINE is set" in page
    assert "What is it?" not in page
    assert post(governor, "console_install_look", source="tiny/llama")[0] == 422
    assert not hub.requests


def test_suggestions_tell_what_has_room_here(governor: Client, settings: Any) -> None:
    settings.ENGINE_MEMORY_MB = 2048
    page = governor.get(LIST).content.decode().replace("\xa0", " ")
    fitting, larger = page.split("Too large for this machine")
    assert "SmolLM2 360M" in fitting
    assert "Qwen3 8B" in larger
    assert "models may take 2.0 GB" in larger


def test_a_model_gets_another_name_and_keeps_its_id(governor: Client, asked: ModelInstall) -> None:
    work()
    status, page = post(governor, "console_model_words", "llama", name="", description="")
    assert status == 422
    assert "This field is required" in page
    page = post(governor, "console_model_words", "llama", name="Little Llama", description="For trying out.")[1]
    assert "People read “Little Llama” from now on." in page
    model = HostedModel.objects.get()
    assert (model.pk, model.name, model.description) == ("llama", "Little Llama", "For trying out.")
    event = AuditEvent.objects.get(action="model.renamed")
    assert event.details == {"changed": ["name", "description"]}


def test_the_pages_belong_to_models_in_the_sidebar(governor: Client) -> None:
    page = governor.get(LIST).content.decode()
    current = page[: page.index('aria-current="page"')].rpartition("<a ")[2]
    assert 'href="/console/models/"' in current
