"""`hf:…` against a server that speaks as the hub does."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from django.core.management import CommandError

from apps.catalog.models import HostedModel, ModelVersion
from tests.catalog.conftest import Models
from tests.catalog.hub import COMMIT, Hub


def downloads(hub: Hub) -> set[str]:
    return {asked.rpartition("/")[2] for asked in hub.requests if asked.startswith("GET") and "/resolve/" in asked}


def test_a_model_of_the_hub(models: Models, hub: Hub, store_root: Path) -> None:
    said = models("install", "hf:tiny/llama@v1")
    assert "Downloading tiny/llama at 0123456789ab" in said
    version = ModelVersion.objects.get()
    assert (version.source, version.revision, version.license_id) == ("hf:tiny/llama", COMMIT, "Apache-2.0")
    assert HostedModel.objects.get().pk == "llama"
    assert not list((store_root / ".downloads").iterdir())


def test_only_what_a_model_needs_is_downloaded(models: Models, hub: Hub) -> None:
    for name in ("pytorch_model.bin", "modeling_evil.py", "model.gguf", ".gitattributes", "picture.png"):
        (hub.folder / name).write_bytes(b"x")
    models("install", "hf:tiny/llama")
    assert downloads(hub) == {
        "README.md", "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip


def test_the_same_revision_is_not_fetched_again(models: Models, hub: Hub) -> None:
    models("install", "hf:tiny/llama")
    hub.requests.clear()
    assert "llama is already installed" in models("install", f"hf:tiny/llama@{COMMIT}")
    assert not downloads(hub)


def test_a_download_that_broke_off_goes_on(models: Models, hub: Hub, store_root: Path) -> None:
    hub.broken = {"model.safetensors"}
    with pytest.raises(CommandError, match=r"could not be downloaded: .* trying again goes on from there"):
        models("install", "hf:tiny/llama")
    assert not HostedModel.objects.exists()
    hub.broken.clear()
    hub.requests.clear()
    models("install", "hf:tiny/llama")
    assert "model.safetensors" in downloads(hub)
    assert len(downloads(hub)) < 6


def test_what_a_killed_process_left_half_is_cleared(models: Models, hub: Hub, store_root: Path) -> None:
    hub.broken = {"model.safetensors"}
    notes = store_root / ".downloads" / f"tiny--llama--{COMMIT}" / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    (notes / "x.0123.incomplete").write_bytes(b"half")
    with pytest.raises(CommandError, match="could not be downloaded"):
        models("install", "hf:tiny/llama")
    assert not list(notes.glob("*.incomplete"))


def test_two_processes_do_not_download_the_same(models: Models, hub: Hub, store_root: Path) -> None:
    folder = store_root / ".downloads" / f"tiny--llama--{COMMIT}"
    folder.mkdir(parents=True)
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(CommandError, match="Another process is downloading tiny/llama just now"):
        models("install", "hf:tiny/llama")
    os.close(lock)
    models("install", "hf:tiny/llama")


def test_a_wrong_hash_is_refused(models: Models, hub: Hub) -> None:
    hub.lies["model.safetensors"] = "0" * 64
    with pytest.raises(
        CommandError, match=r"model\.safetensors is not what its publisher states|could not be downloaded"
    ):
        models("install", "hf:tiny/llama")
    assert not HostedModel.objects.exists()


def test_a_path_that_leads_out_is_refused(models: Models, hub: Hub) -> None:
    hub.extra = ["../../evil.json"]
    with pytest.raises(CommandError, match="leads out of the model's folder"):
        models("install", "hf:tiny/llama")


def test_the_token_is_sent_to_the_hub_only_when_given(
    models: Models, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    models("install", "hf:tiny/llama")
    assert hub.tokens == {None}
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    models("remove", "llama")
    said = models("install", "hf:tiny/llama")
    assert "Bearer hf_secret" in hub.tokens
    assert "hf_secret" not in said


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("hf:tiny/llama@v9", "has no revision 'v9'"), ("hf:tiny/other", "The hub has no model tiny/other")],
)
def test_what_the_hub_does_not_have(models: Models, hub: Hub, source: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        models("install", source)


def test_a_hub_that_cannot_be_reached_is_one_sentence(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CommandError, match=r"tiny/llama@main could not be looked up: .*Is the hub to be reached"):
        models("install", "hf:tiny/llama")
