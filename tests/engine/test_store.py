"""The model store: addresses, atomic installs, verification."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store import ModelStore, StoreError, copying
from tests.engine.model_folders import make_folder

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "model")


def left_behind(store: ModelStore) -> list[str]:
    """Everything in the store that is no model."""
    staged = [path.name for path in (store.root / ".staging").glob("*") if path.is_dir()]
    return staged + [path.name for path in store.root.iterdir() if path.name != ".staging" and len(path.name) != 64]


def test_a_model_is_found_by_what_is_in_it(store: ModelStore, folder: Path) -> None:
    manifest = store.install(folder, {"source": "path:x"})
    assert (store.path(manifest.digest) / "config.json").read_bytes() == (folder / "config.json").read_bytes()
    assert store.manifest(manifest.digest).metadata == {"source": "path:x"}
    assert [found.digest for found in store.manifests()] == [manifest.digest]
    assert left_behind(store) == []
    store.verify(manifest.digest)


def test_the_same_files_are_the_same_model(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    first = store.install(folder, {"source": "path:x"})
    again = store.install(make_folder(tmp_path / "copy"), {"source": "path:y"})
    assert again.digest == first.digest
    other = store.install(make_folder(tmp_path / "other", max_position_embeddings=64), {})
    assert other.digest != first.digest


def test_files_can_be_moved_instead_of_copied(store: ModelStore, folder: Path) -> None:
    manifest = store.install(folder, {}, take=True)
    assert not (folder / "model.safetensors").exists()
    store.verify(manifest.digest)


def test_a_changed_byte_is_found(store: ModelStore, folder: Path) -> None:
    digest = store.install(folder, {}).digest
    weights = store.path(digest) / "model.safetensors"
    weights.chmod(0o600)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    store.path(digest)  # the size is right, so the cheap check passes
    with pytest.raises(StoreError, match=r"model\.safetensors .* was changed"):
        store.verify(digest)
    with pytest.raises(StoreError, match="was changed"):
        store.verified_path(digest)
    assert store.install(folder, {}).digest == digest  # installing again repairs it
    store.verify(digest)


def test_a_changed_list_of_files_is_found(store: ModelStore, folder: Path) -> None:
    digest = store.install(folder, {}).digest
    manifest = store.root / digest / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"tokenizer.json"', '"../../etc/passwd"'))
    with pytest.raises(StoreError, match="leads out of"):
        store.path(digest)


def test_a_missing_file_is_found_cheaply(store: ModelStore, folder: Path) -> None:
    digest = store.install(folder, {}).digest
    (store.path(digest) / "tokenizer.json").unlink()
    with pytest.raises(StoreError, match="missing or damaged"):
        store.path(digest)


def test_hashes_are_verified_once_a_process(store: ModelStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store.install(folder, {}).digest
    calls: list[str] = []
    monkeypatch.setattr(ModelStore, "verify", lambda _self, asked: calls.append(asked))
    assert store.verified_path(digest) == store.verified_path(digest)
    assert calls == [digest]


def test_a_removed_model_is_gone(store: ModelStore, folder: Path) -> None:
    digest = store.install(folder, {}).digest
    store.remove(digest)
    store.remove(digest)
    with pytest.raises(StoreError, match="is not in the model store"):
        store.path(digest)
    assert left_behind(store) == []


@pytest.mark.parametrize("digest", ["", "../..", "A" * 64, "0" * 63])
def test_only_digests_are_addresses(store: ModelStore, digest: str) -> None:
    with pytest.raises(StoreError, match="is no digest"):
        store.path(digest)


def test_what_the_publisher_states_must_be_so(store: ModelStore, folder: Path) -> None:
    with pytest.raises(StoreError, match=r"model\.safetensors is not what its publisher states"):
        store.install(folder, {}, expected={"model.safetensors": "0" * 64})
    assert left_behind(store) == []


def test_too_little_space_is_said_before_anything_is_copied(
    store: ModelStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "RESERVE", 10**18)
    with pytest.raises(StoreError, match=r"too little disk space .* are needed, .* are free"):
        store.install(folder, {})
    assert left_behind(store) == []


INSTALL = """
import sys, time
from pathlib import Path
from engine.store import ModelStore
def slowly(written):
    print("copying", flush=True)
    time.sleep(60)
ModelStore(Path(sys.argv[1])).install(Path(sys.argv[2]), {}, progress=slowly)
"""


@pytest.fixture
def copying_process(store: ModelStore, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of an install."""
    command = [sys.executable, "-c", INSTALL, str(store.root), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "copying\n"
        yield process
        process.kill()


def test_a_killed_install_leaves_nothing(
    store: ModelStore, folder: Path, copying_process: subprocess.Popen[str]
) -> None:
    os.kill(copying_process.pid, signal.SIGKILL)
    copying_process.wait()
    assert list(store.manifests()) == []
    assert len(left_behind(store)) == 1  # what the dead one had staged …
    digest = store.install(folder, {}).digest
    assert left_behind(store) == []  # … is cleared by the next
    store.verify(digest)


def test_an_install_at_work_is_left_alone(
    store: ModelStore, folder: Path, copying_process: subprocess.Popen[str]
) -> None:
    began = time.monotonic()
    store.install(folder, {})
    assert time.monotonic() - began < 50
    assert len(left_behind(store)) == 1
    assert copying_process.poll() is None
