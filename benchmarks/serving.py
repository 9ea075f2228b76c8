"""What serving costs beside the engine alone, on the same prompts in one run: prints one line of JSON.

    python -m benchmarks.serving [--rounds 3] [--requests 10] [--streams 8] [--tokens 96]

Starts PostgreSQL, Valkey, the web server and a worker with the demo model in a temporary folder, and beside them a
process with nothing but an engine of the same configuration. Interleaved A B A B: A is the engine alone, B the whole
way through HTTP, Celery, Redis and the WebSocket. `added_ttft_ms` is the time from sending a prompt to its first text,
B less A, over sequential requests; `throughput_ratio` is B over A for concurrent streams, in tokens a second.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.alone import Alone
from benchmarks.site import Site
from benchmarks.visitor import Visitor

TOPICS = ("rain", "bread", "tides", "chess", "moss", "glass", "bees", "salt", "maps", "wool", "iron", "tea")


def prompts(number: int, words: str) -> list[str]:
    return [f"{words} {TOPICS[index % len(TOPICS)]} number {index}." for index in range(number)]


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
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
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
