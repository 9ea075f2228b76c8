"""Refusals of a start, children that are started again, and what the terminal shows."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from aiplatform.supervisor import preflight
from aiplatform.supervisor.child import Child
from aiplatform.supervisor.plan import CannotStart, Plan, running_site
from aiplatform.supervisor.terminal import in_short


def _plan(data: Path, port: int) -> Plan:
    return Plan(data, data, "127.0.0.1", port)


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} is taken by another program.*PORT={port + 1}"):
            preflight.check(_plan(tmp_path, port))


def test_two_sites_in_one_folder(tmp_path: Path) -> None:
    plan = _plan(tmp_path, 0)
    with preflight.check(plan):
        plan.announce(os.getpid(), is_ready=True)
        with pytest.raises(CannotStart, match=f"already running in this folder at {plan.local_url}"):
            preflight.check(plan)
        assert (running_site(tmp_path) or {})["is_ready"]
    preflight.check(plan).close()


def test_too_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MINIMUM_FREE_BYTES", 10**18)
    with pytest.raises(CannotStart, match="MB are free"):
        preflight.check(_plan(tmp_path, 0))


@pytest.mark.parametrize("port", ["web", "0", "65536", "-1"])
def test_a_port_that_is_none(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CannotStart, match="number from 1 to 65535"):
        Plan.from_environment(tmp_path, tmp_path)


def _child(tmp_path: Path, program: str) -> Child:
    return Child("child", [sys.executable, "-c", program], tmp_path, os.environ, tmp_path / "child.log", grace=5)


def test_a_killed_child_comes_back(tmp_path: Path) -> None:
    child = _child(tmp_path, "import time; time.sleep(60)")
    child.start()
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)
    news: list[str] = []
    deadline = time.monotonic() + 10
    while child.pid == first and time.monotonic() < deadline:
        if line := child.keep_up():
            news.append(line)
        time.sleep(0.05)
    assert news == ["child was killed by SIGKILL; it starts again in 0.5 s", "child starts again"]
    child.stop()
    assert child.pid is None


def test_a_child_that_does_not_listen_is_killed_with_its_children(tmp_path: Path) -> None:
    program = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
        "time.sleep(60)"
    )
    child = Child("child", [sys.executable, "-c", program], tmp_path, os.environ, tmp_path / "child.log", grace=0.5)
    child.start()
    deadline = time.monotonic() + 10
    while not (written := (tmp_path / "child.log").read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.stop()
    time.sleep(0.2)
    state = Path(f"/proc/{int(written)}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"level": "INFO", "message": "GET /projects/ 200 in 12 ms", "job_id": ""}', "GET /projects/ 200 in 12 ms"),
        (
            '{"level": "ERROR", "message": "broken", "job_id": "abc", "exc_info": "a\\nKeyError"}',
            "ERROR broken (KeyError) [job abc]",
        ),
        ('{"level": "DEBUG", "message": "noise"}', ""),
        (" -------------- celery@host v5", ""),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
    ],
)
def test_logs_in_short(line: str, shown: str) -> None:
    assert in_short(line) == shown
