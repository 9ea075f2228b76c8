"""What serving costs beside the engine alone, on the same prompts in one run: prints one line of JSON.

    python -m benchmarks.serving [--rounds 3] [--requests 10] [--streams 8] [--tokens 96]

Starts PostgreSQL, Valkey, the web server and a worker with the demo model in a temporary folder, and beside them a
process with nothing but an engine of the same configuration. Interleaved A B A B: A is the engine alone, B the whole
way through HTTP, Celery, Redis and the WebSocket. `added_ttft_ms` is the time from sending a prompt to its first text,
B less A, over sequential requests; `throughput_ratio` is B over A for concurrent streams, in tokens a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

SITE = Path(__file__).resolve().parent.parent
SOURCE = "demo:smollm2-135m"
MODEL = "smollm2-135m-instruct"
TOPICS = ("rain", "bread", "tides", "chess", "moss", "glass", "bees", "salt", "maps", "wool", "iron", "tea")


def prompts(number: int, words: str) -> list[str]:
    return [f"{words} {TOPICS[index % len(TOPICS)]} number {index}." for index in range(number)]


class Site:
    """The servers of one run, and their addresses in the environment of this process."""

    def __init__(self, folder: Path) -> None:
        from aiplatform import embedded

        self._running = embedded.start(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        store = SITE / "data" / "test-models"
        os.environ |= {
            "ATRIUM_ENV": "test",
            "ATRIUM_DATA": str(folder),
            "DATABASE_URL": self._running.addresses.database_url,
            "REDIS_URL": self._running.addresses.redis_url,
            "MODEL_STORE": os.environ.get("MODEL_STORE", str(store)),
            "SITE_URL": self.url,
            "DB_POOL_SIZE": "16",
        }
        self._children: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "processes.log").open("wb")

    def start(self) -> None:
        self.manage("migrate", "--verbosity", "0")
        self.manage("models", "install", SOURCE)
        self._spawn("-m", "celery", "-A", "aiplatform", "worker", "--pool=threads", "--concurrency=4")
        self._spawn("manage.py", "web", "--port", str(self.port))
        _wait_for_port(self.port)

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=SITE, check=True, stdout=self._log)

    def _spawn(self, *arguments: str) -> None:
        self._children.append(
            subprocess.Popen([sys.executable, *arguments], cwd=SITE, stdout=self._log, stderr=self._log)
        )

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(60)
        self._running.stop()


def _wait_for_port(port: int, seconds: float = 60) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    raise SystemExit("the web server did not start")


# --- A: the engine alone, in a process of its own -----------------------------------------------------------------


def engine_alone() -> None:
    """Read one JSON line of work after another from stdin, answer each with one line."""
    import django

    django.setup()
    from apps.catalog.chat import encode_chat
    from apps.catalog.models import HostedModel
    from apps.generations.worker import StoreSource, engine_config
    from engine.service import EngineThread
    from engine.types import FinishEvent, GenerationRequest, SamplingParams, TextEvent

    version = HostedModel.objects.select_related("default_version").get(pk=MODEL).default_version
    assert version is not None
    engine = EngineThread(StoreSource(), engine_config())
    engine.start()

    def run(texts: list[str], tokens: int) -> dict[str, float]:
        import queue

        events: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()
        began, first, used = perf_counter(), None, 0
        for number, text in enumerate(texts):
            ids = tuple(encode_chat(version, [{"role": "user", "content": text}]))
            request = GenerationRequest(
                f"{number}", version.digest, ids, SamplingParams(temperature=0, max_tokens=tokens)
            )
            engine.submit(request, lambda event: events.put((perf_counter(), event)))
        open_requests = len(texts)
        while open_requests:
            at, event = events.get()
            if isinstance(event, TextEvent) and first is None:
                first = at - began
            if isinstance(event, FinishEvent):
                used += event.usage.completion_tokens
                open_requests -= 1
        return {"first": first or 0.0, "rate": used / (perf_counter() - began), "tokens": used}

    for line in sys.stdin:
        work = json.loads(line)
        print(json.dumps(run(work["texts"], work["tokens"])), flush=True)
    engine.stop(drain_seconds=0)


class Alone:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving", "--engine-alone"],
            cwd=SITE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, texts: list[str], tokens: int) -> dict[str, float]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"texts": texts, "tokens": tokens}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, float] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


# --- B: the whole way ---------------------------------------------------------------------------------------------


class Visitor:
    """One person with a browser's cookies; one conversation a prompt, its socket open before the send."""

    def __init__(self, url: str) -> None:
        import django

        django.setup()
        from importlib import import_module

        from django.conf import settings
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

        from apps.accounts.models import User
        from apps.projects.models import Membership, Project, Role

        self.user = User.objects.create_user("bench@example.org", "not used", display_name="Bench")
        self.project = Project.objects.create(name="Bench")
        Membership.objects.create(project=self.project, user=self.user, role=Role.OWNER)
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = self.user.pk
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        session.save()
        token = "b" * 32
        self.url = url
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "Origin": url,
        }

    def conversations(self, number: int, tokens: int) -> list[str]:
        from apps.conversations.actions.lifecycle import create_conversation

        made = [create_conversation(actor=self.user, project=self.project) for _ in range(number)]
        for conversation in made:
            conversation.hosted_model_id = MODEL
            conversation.params = {"temperature": 0, "top_p": 1, "max_tokens": tokens}
            conversation.save()
        return [conversation.pk for conversation in made]

    async def ask(
        self, http: Any, conversation: str, text: str, ready: asyncio.Barrier
    ) -> tuple[float, float, float, int]:
        """When sent, when the first text came, when it ended, and the tokens."""
        from websockets.asyncio.client import connect

        address = f"{self.url.replace('http', 'ws')}/ws/conversations/{conversation}/"
        headers = {"Cookie": self.headers["Cookie"]}
        async with connect(
            address, origin=self.url, additional_headers=headers, compression=None, proxy=None
        ) as channel:
            await channel.recv()
            await ready.wait()
            sent, first = perf_counter(), 0.0
            body = {"text": text, "parent": None, "client_id": conversation}
            answer = await http.post(f"/c/{conversation}/messages/", json=body)
            answer.raise_for_status()
            job = answer.json()["messages"][1]["job"]["id"]
            await channel.send(json.dumps({"type": "follow", "job": job, "attempt": 0, "seq": 0}))
            while True:
                message = json.loads(await channel.recv())
                event = message.get("event", {})
                if event.get("kind") in ("text", "snapshot") and not first:
                    first = perf_counter()
                if event.get("kind") == "finish":
                    assert event["state"] == "succeeded", event
                    return sent, first or perf_counter(), perf_counter(), event["usage"]["completion_tokens"]

    async def _run(self, conversations: list[str], texts: list[str]) -> dict[str, float]:
        import httpx

        ready = asyncio.Barrier(len(texts))
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, trust_env=False, timeout=60) as http:
            await http.get("/healthz")
            asked = (self.ask(http, each, text, ready) for each, text in zip(conversations, texts, strict=True))
            answers = await asyncio.gather(*asked)
        began, ended = min(answer[0] for answer in answers), max(answer[2] for answer in answers)
        used = sum(answer[3] for answer in answers)
        first = min(answer[1] for answer in answers) - began
        return {"first": first, "rate": used / (ended - began), "tokens": used}

    def run(self, texts: list[str], tokens: int) -> dict[str, float]:
        return asyncio.run(self._run(self.conversations(len(texts), tokens), texts))


# --- the comparison -----------------------------------------------------------------------------------------------


def measure(alone: Alone, visitor: Visitor, options: argparse.Namespace) -> dict[str, Any]:
    for side in (alone, visitor):  # loads the model, warms what is lazy
        side.run(prompts(options.streams, "Warm up with"), 16)
    times: dict[str, list[float]] = {"alone": [], "served": []}
    rates: dict[str, list[float]] = {"alone": [], "served": []}
    for number in range(options.rounds):
        for text in prompts(options.requests, f"Round {number}: say a word about"):
            times["alone"].append(alone.run([text], 4)["first"] * 1000)
            times["served"].append(visitor.run([text], 4)["first"] * 1000)
        texts = prompts(options.streams, f"Round {number}: write a long story about")
        rates["alone"].append(alone.run(texts, options.tokens)["rate"])
        rates["served"].append(visitor.run(texts, options.tokens)["rate"])
    added = [served - bare for served, bare in zip(times["served"], times["alone"], strict=True)]
    ratios = [served / bare for served, bare in zip(rates["served"], rates["alone"], strict=True)]
    return {
        "benchmark": "serving",
        "ttft_ms": {name: _spread(values) for name, values in times.items()},
        "added_ttft_ms": {
            "p50": round(_quantile(times["served"], 50) - _quantile(times["alone"], 50), 1),
            "p99": round(_quantile(times["served"], 99) - _quantile(times["alone"], 99), 1),
            "paired_p50": round(_quantile(added, 50), 1),
        },
        "tokens_per_second": {name: _spread(values) for name, values in rates.items()},
        "throughput_ratio": {
            "min": round(min(ratios), 3), "median": round(statistics.median(ratios), 3), "max": round(max(ratios), 3)
        },
        "streams": options.streams,
        "load_average": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def _quantile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def _spread(values: list[float]) -> dict[str, float]:
    return {name: round(_quantile(values, percent), 1) for name, percent in (("min", 0), ("p50", 50), ("p99", 99))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=10, help="sequential ones in each round")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=96, help="of each stream, at most")
    parser.add_argument("--engine-alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
    if options.engine_alone:
        engine_alone()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C: nothing of ours stays behind
    folder = Path(tempfile.mkdtemp(prefix="atrium-serving-"))
    site = Site(folder)
    try:
        site.start()
        alone = Alone()
        try:
            print(json.dumps(measure(alone, Visitor(site.url), options)))
        finally:
            alone.stop()
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
