"""The engine alone, in a process of its own: what the whole way is compared with."""

from __future__ import annotations

import json
import subprocess
import sys
from time import perf_counter
from typing import Any

from benchmarks.site import MODEL, SITE


def engine_alone() -> None:
    """Read one JSON line of work after another from stdin, answer each with one line."""
    import django

    django.setup()
    from apps.catalog.chat import encode_chat
    from apps.catalog.models import HostedModel
    from apps.generations.local_engine import StoreSource, engine_config
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
            [sys.executable, "-m", "benchmarks.alone"],
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


if __name__ == "__main__":
    engine_alone()
