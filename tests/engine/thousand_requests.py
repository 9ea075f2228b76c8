"""A thousand short requests to a tiny model, and how much more memory is used afterwards: see short_of_memory.py."""

from __future__ import annotations

from pathlib import Path

from engine.config import EngineConfig
from engine.memory import give_back
from engine.service import EngineThread, FolderSource
from engine.types import FinishReason, SamplingParams
from tests.engine.recorder import submit

AT_ONCE, WARM_UP, REQUESTS = 20, 300, 1000
SHORT = SamplingParams(temperature=0, max_tokens=3, ignore_eos=True)


def used() -> int:
    """Bytes of this process that no file stands behind, after giving back what can be given back."""
    give_back()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def run(engine: EngineThread, name: str, count: int) -> int:
    """How many of so many requests went well."""
    well = 0
    for first in range(0, count, AT_ONCE):
        recorders = [
            submit(engine, "m", [number % 250 + 5] * (1 + number % 40), SHORT, f"{name} {number}")
            for number in range(first, first + AT_ONCE)
        ]
        well += sum(recorder.finish().reason == FinishReason.LENGTH for recorder in recorders)
    return well


def thousand_requests(folder: Path) -> dict[str, int]:
    """Sizes in bytes."""
    config = EngineConfig(device="cpu", dtype="float32", max_context=512, threads=1, max_sequences=16, seed=0)
    engine = EngineThread(FolderSource(m=folder), config)
    engine.start()
    run(engine, "warm-up", WARM_UP)
    before = used()
    finished = run(engine, "counted", REQUESTS)
    growth = used() - before
    (blocks,) = (one._blocks for one in engine._residency.engines.values())
    found = {"finished": finished, "growth": growth, "unfinished": engine.unfinished()}
    engine.stop(drain_seconds=0)
    return found | {"blocks": blocks.total, "blocks_available": blocks.available}
