"""The site from start to stop: servers, preparation, web, worker, housekeeping; and back in the opposite order."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

from aiplatform.supervisor import preflight
from aiplatform.supervisor.child import Child
from aiplatform.supervisor.plan import CannotStart, Plan
from aiplatform.supervisor.preparation import Preparation
from aiplatform.supervisor.readiness import status_of
from aiplatform.supervisor.servers import Servers
from aiplatform.supervisor.terminal import Tail, box, last_lines, say

READY_SECONDS = 240
CRASHES_OF_A_START = 3
TICK = 0.2  # seconds
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


class Site:
    """One site, kept up by `run` until somebody ends it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._servers = Servers(plan)
        self._children: list[Child] = []
        self._tails: list[Tail] = []
        self._is_ending = False

    def run(self) -> None:
        """Start everything, tell where it is, keep it up. Returns after Ctrl-C or SIGTERM. Raises CannotStart."""
        lock = preflight.check(self._plan)
        # A flag and no exception: one in the middle of starting a server would leave that server behind.
        for number in ENDING:
            signal.signal(number, self._end)
        try:
            self._start()
            while True:
                self._tick()
        except Stopped:
            pass
        finally:
            self._stop()
            lock.close()

    def _start(self) -> None:
        began = time.monotonic()
        self._servers.start()
        self._go_on()
        link = self._prepare()
        self._children = [self._web(), self._worker(), self._housekeeping()]
        self._tails = [Tail(child.name, child.log) for child in self._children]
        say("starting the web process, one worker and the housekeeping")
        for child in self._children:
            child.start()
        self._plan.announce(os.getpid(), is_ready=False)
        self._wait_until_ready()
        self._plan.announce(os.getpid(), is_ready=True)
        self._welcome(time.monotonic() - began, link)

    def _prepare(self) -> str:
        """Returns the sign-in link of the first administrator, or "" where there is one already."""
        preparation = Preparation(self._plan)
        try:
            while not preparation.is_done():
                self._go_on()
                time.sleep(TICK)
            return preparation.link()
        finally:
            preparation.stop()

    def _web(self) -> Child:
        plan = self._plan
        command = [sys.executable, "manage.py", "web", "--host", plan.host, "--port", str(plan.port)]
        return Child("web", command, plan.root, plan.environment, plan.log_of("web"), grace=15)

    def _worker(self) -> Child:
        plan = self._plan
        command = [sys.executable, "-m", "celery", "-A", "aiplatform", "worker", "--pool=threads"]
        command += ["--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=INFO"]
        grace = 15 + float(plan.environment.get("WORKER_DRAIN_SECONDS") or 20)
        return Child("worker", command, plan.root, plan.environment, plan.log_of("worker"), grace=grace)

    def _housekeeping(self) -> Child:
        plan = self._plan
        command = [sys.executable, "manage.py", "housekeeping"]
        return Child("housekeeping", command, plan.root, plan.environment, plan.log_of("housekeeping"), grace=25)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self._tick()
            for child in self._children:
                if child.crashes >= CRASHES_OF_A_START:
                    raise CannotStart(
                        f"The {child.name} process does not start. The end of its log, {child.log}:\n"
                        f"{last_lines(child.log)}"
                    )
            if status_of(self._plan) == "ok":
                return
        raise CannotStart(f"The site is not ready after {READY_SECONDS} s; its logs are in {self._plan.data / 'logs'}.")

    def _welcome(self, seconds: float, link: str) -> None:
        lines = [f"Atrium is up after {seconds:.1f} s:", f"  {self._plan.site_url}"]
        if link:
            lines += ["", "Sign in as the first administrator, once, within 24 hours:", f"  {link}"]
        if self._plan.is_public and self._plan.site_url == self._plan.local_url:
            lines += ["", "Other machines need SITE_URL and ALLOWED_HOSTS to be set; see docs/operations.md."]
        box([*lines, "", f"Logs: {self._plan.data / 'logs'}    Stop: Ctrl-C"])

    def _tick(self) -> None:
        self._go_on()
        time.sleep(TICK)
        self._servers.keep_up()
        for child in self._children:
            if news := child.keep_up():
                say(news)
        for tail in self._tails:
            for line in tail.lines():
                say(line)

    def _go_on(self) -> None:
        if self._is_ending:
            raise Stopped

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._is_ending = True

    def _stop(self) -> None:
        """Web first, so that nothing new comes in; the worker then drains while its servers are still there."""
        say("stopping")
        self._plan.withdraw()
        for child in self._children:
            child.stop()
        self._servers.stop()
        say("stopped; all data is kept")
