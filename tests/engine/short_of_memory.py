"""Run a thousand requests, and then an engine whose process may not take more memory, for real: see test_memory.py.

Arguments: folder of a large model (served as a, b and c), of a tiny one (t); then, any number of times, how many MiB
more may be taken than when the tiny one had been loaded, and the models to ask, one letter each, as in 100:abt. Writes
what became of the thousand, and then of each request, as JSON. Limits must rise: with less than there is, Python can't
even start a thread.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from engine.config import EngineConfig
from engine.memory import MIB
from engine.service import EngineThread, FolderSource
from engine.types import SamplingParams
from tests.engine.recorder import submit
from tests.engine.thousand_requests import thousand_requests

SHORT = SamplingParams(temperature=0, max_tokens=2, ignore_eos=True)
PROMPT = [10, 20, 30, 40, 50]


def address_space() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    large, tiny = Path(sys.argv[1]), Path(sys.argv[2])
    found: list[dict[str, object]] = [{**thousand_requests(tiny)}]
    config = EngineConfig(device="cpu", dtype="float32", max_context=512, threads=1, memory_mb=4000, cache_mb=8)
    engine = EngineThread(FolderSource(a=large, b=large, c=large, t=tiny), config)
    engine.start()
    submit(engine, "t", PROMPT).finish()
    before = address_space()
    for part in sys.argv[3:]:
        more, models = part.split(":")
        limit(before + int(more) * MIB)
        found += [asked(engine, model) for model in models]
    limit(resource.RLIM_INFINITY)
    engine.stop(drain_seconds=0)
    json.dump(found, sys.stdout)


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


def asked(engine: EngineThread, model: str) -> dict[str, object]:
    last, counted = submit(engine, model, PROMPT, SHORT).finish(), engine.metrics()
    told = {"code": last.error_code, "error": last.error, "reason": last.reason}
    return told | {"out_of_memory": counted.out_of_memory, "loaded": counted.loaded}


if __name__ == "__main__":
    main()
