"""Installs that were asked for in the console, by a real housekeeping process that is killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from apps.catalog.actions import Wishes
from apps.catalog.installs import ask_install, cancel_install
from apps.catalog.models import HostedModel, InstallState, ModelInstall, ModelState, WeightsKind
from apps.catalog.sources.hub import HubSource
from tests.catalog.hub import Hub, serving
from tests.engine.model_folders import make_folder, safetensors
from tests.faults.processes import SiteProcess, site_environment
from tests.preloaded.running import ROOT
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
MIB = 1024 * 1024


class Housekeeping(SiteProcess):
    """`manage.py housekeeping`, for installs alone."""

    name = "housekeeping"

    def __init__(self, log: Path, **environment: str) -> None:
        super().__init__(log)
        command = [sys.executable, "manage.py", "housekeeping", "catalog.installs"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=site_environment() | environment, stdout=output, stderr=output
            )

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def works(self) -> bool:
        return self.runs

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def end(self) -> float:
        """SIGTERM; how many seconds it took."""
        began = monotonic()
        self._process.terminate()
        self._process.wait(20)
        return monotonic() - began

    def downloader(self) -> int:
        """The process that it started."""
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return int(" ".join(each.read_text() for each in children).split()[0])


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[..., Housekeeping]]:
    started: list[Housekeeping] = []

    def start(**environment: str) -> Housekeeping:
        started.append(Housekeeping(tmp_path / f"housekeeping-{len(started)}.log", **environment))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        sys.stdout.write(each.output())


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A model of two files of weights; the second stops half-way."""
    made = Hub(make_folder(tmp_path / "Tiny"))
    for name, size in (("model.safetensors", 2 * MIB), ("second.safetensors", 4 * MIB)):
        tensor = {"dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size]}
        (made.folder / name).write_bytes(safetensors({name: tensor}, data=b"\x01" * size))
    made.held["second.safetensors"] = threading.Event()
    with serving(made) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "60")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield made
        made.held["second.safetensors"].set()


@pytest.fixture
def asked(transactional_db: None, world: World, hub: Hub, tmp_path: Path, settings: Any) -> ModelInstall:
    settings.MODEL_STORE = tmp_path / "store"
    source = HubSource.parse("tiny/llama")
    return ask_install(actor=world.admin, source=source, wishes=Wishes(), weights=WeightsKind.FULL)


def until(install: ModelInstall, holds: Callable[[ModelInstall], bool], seconds: float = 60) -> ModelInstall:
    end = monotonic() + seconds
    while not holds(found := ModelInstall.objects.get(pk=install.pk)):
        assert monotonic() < end, vars(found)
        sleep(0.05)
    return found


def is_half_there(install: ModelInstall) -> bool:
    return install.state == InstallState.FETCHING and install.fetched_bytes > 2 * MIB


def is_done(install: ModelInstall) -> bool:
    return install.state == InstallState.DONE


def asked_for(hub: Hub, name: str) -> int:
    return sum(line.startswith("GET") and line.endswith(f"/{name}") for line in hub.requests)


def test_a_killed_housekeeping_goes_on_where_it_stopped(
    asked: ModelInstall, hub: Hub, keep: Callable[..., Housekeeping]
) -> None:
    first = keep()
    half = until(asked, is_half_there)
    assert half.attempt == 1
    assert half.total_bytes > 6 * MIB
    first.kill()
    until(asked, lambda install: install.state == InstallState.QUEUED, seconds=10)
    keep()
    until(asked, lambda install: install.attempt == 2 and is_half_there(install))
    hub.held["second.safetensors"].set()
    done = until(asked, is_done)
    model = HostedModel.objects.get()
    assert (model.pk, model.state, done.version_id) == ("llama", ModelState.PROPOSED, model.default_version_id)
    assert (asked_for(hub, "model.safetensors"), asked_for(hub, "second.safetensors")) == (1, 2)


def test_a_killed_downloader_loses_its_lease_and_another_goes_on(
    asked: ModelInstall, hub: Hub, keep: Callable[..., Housekeeping]
) -> None:
    housekeeping = keep()
    until(asked, is_half_there)
    os.kill(housekeeping.downloader(), signal.SIGKILL)
    until(asked, lambda install: install.attempt == 2 and is_half_there(install))
    hub.held["second.safetensors"].set()
    until(asked, is_done)
    assert asked_for(hub, "model.safetensors") == 1


def test_what_always_dies_without_getting_further_fails(asked: ModelInstall, keep: Callable[..., Housekeeping]) -> None:
    housekeeping = keep(MAX_ATTEMPTS="2")
    for attempt in (1, 2, 3):
        found = until(
            asked,
            lambda install, attempt=attempt: (
                install.state == InstallState.FAILED or (install.attempt == attempt and is_half_there(install))
            ),
        )
        if found.state == InstallState.FAILED:
            break
        os.kill(housekeeping.downloader(), signal.SIGKILL)
    found = until(asked, lambda install: install.state == InstallState.FAILED)
    assert "2 times the process ended over it" in found.problem


def test_a_download_that_is_cancelled_stops_and_leaves_nothing(
    asked: ModelInstall, hub: Hub, world: World, keep: Callable[..., Housekeeping], settings: Any
) -> None:
    keep()
    until(asked, is_half_there)
    assert cancel_install(actor=world.admin, install=asked)
    until(asked, lambda install: install.state == InstallState.CANCELLED, seconds=10)
    assert not list((settings.MODEL_STORE / ".downloads").iterdir())
    assert not HostedModel.objects.exists()


def test_housekeeping_ends_at_once_and_gives_back_what_it_fetches(
    asked: ModelInstall, keep: Callable[..., Housekeeping]
) -> None:
    housekeeping = keep()
    until(asked, is_half_there)
    assert housekeeping.end() < 5
    found = until(asked, lambda install: install.state == InstallState.QUEUED, seconds=5)
    assert found.lost == 0
