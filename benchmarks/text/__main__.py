"""The text engine beside what one would use otherwise, on the same seeded work: one line of JSON.

    python -m benchmarks.text FOLDER [--peers generate,static,continuous] [--gguf FILE …] [--plot FILE.svg]

Progress, and at the end tables for people, go to the other output (see `report`).

W1, offline: 64 sequences, 16–256 tokens in and out, end tokens ignored; contenders take turns A B C A B C and ratios
are of the same round, above 1 where ours is faster. `generate` one by one and transformers' continuous batching take
long, so they get every eighth sequence and are compared by tokens a second. With `--weights` ours runs with rounded
weights too; the peers keep full ones. With GGUF files of the same model llama.cpp does all of W1 too, and each phase
alone: decodes of 32, of one sequence, and prompts. W2, online: Poisson arrivals, half of them with a known beginning;
and the time between tokens while a 1,500-token prompt is read. The machine's own rates and the roofline that follows
from them stand beside.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.surroundings import surroundings
from benchmarks.text import contenders, machine, online, phases, report, starts
from benchmarks.text.llama import LlamaCpp, name_of
from benchmarks.text.rounds import over, seconds, spread, tell
from benchmarks.text.work import Request, made, offline
from engine.config import EngineConfig
from engine.metrics import Counters
from engine.text.engine import TextEngine

PEERS = ("generate", "static", "continuous")
SHORTEST, EVERY = 16, 8
"""Tokens in and out, at least; `generate` one by one does every so many-th sequence."""


def measure_offline(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    config = EngineConfig(  # the same prompts come in every round, and must not be found in the cache
        dtype=options.dtype, max_sequences=options.batch, stall_factor=float("inf"), prefix_cache=False
    )
    model = contenders.load_ours(folder, config)
    theirs = contenders.load_theirs(folder, model.dtype)
    work = offline(options.sequences, model.vocabulary, shortest=SHORTEST, longest=options.longest)
    engines = {"ours": TextEngine(model, config, Counters())}
    for weights in options.weights:
        rounded = contenders.load_ours(folder, config, weights)
        engines[f"ours, {weights}"] = TextEngine(rounded, config, Counters())
    runs: dict[str, tuple[list[Request], Callable[[list[Request]], object]]] = {
        name: (work, partial(contenders.written, engine)) for name, engine in engines.items()
    }
    if "generate" in options.peers:
        runs["generate"] = (work[::EVERY], lambda some: contenders.one_by_one(theirs, some))
    if "static" in options.peers:
        runs["static"] = (work, lambda some: contenders.static_batches(theirs, some, options.batch))
    if "continuous" in options.peers:
        paged = contenders.load_theirs(folder, model.dtype, attn_implementation="paged|sdpa")
        runs["continuous"] = (work[::EVERY], lambda some: contenders.continuous_batching(paged, some))
    for file in options.gguf:
        peer = LlamaCpp(file, sequences=options.batch, context=2 * options.longest, threads=options.threads)
        runs[name_of(file)] = (work, peer.run)
    for some, run in runs.values():
        run(some[:2])
    rates: dict[str, list[float]] = {name: [] for name in runs}
    measured = []
    for _ in range(options.rounds):
        measured.append(machine.rates(model))
        for name, (some, run) in runs.items():
            rates[name].append(made(some) / seconds(partial(run, some)))
            tell(f"{name}: {rates[name][-1]:.1f} tokens a second")
    rated = machine.best(measured)
    least = machine.roofline_seconds(model, work, options.batch, rated)
    return {
        "tokens_per_second": {name: spread(values) for name, values in rates.items()},
        "over": {name: over(rates, name) for name in engines},
        "roofline_tokens_per_second": round(made(work) / least, 1),
        "roofline_part": round(statistics.median(rates["ours"]) * least / made(work), 3),
        "attention": engines["ours"].attention,
        "dtype": str(model.dtype),
        "machine": rated,
    }


def measure_online(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    vocabulary = contenders.load_ours(folder, EngineConfig()).vocabulary
    settings = {"dtype": options.dtype, "max_sequences": 16}
    pairs = []
    for _ in range(options.rounds):
        found, computed = (
            online.shared_prefix(
                folder, vocabulary, settings | {"prefix_cache": cached}, requests=options.requests, rate=options.rate
            )
            for cached in (True, False)
        )
        pairs.append((found, computed))
    return {
        "ttft_known_beginning_ms": spread([found * 1e3 for found, _ in pairs]),
        "ttft_computed_ms": spread([computed * 1e3 for _, computed in pairs]),
        "known_over_computed": spread([computed / found for found, computed in pairs]),
        "beside_a_long_prompt": [
            online.beside_a_long_prompt(folder, vocabulary, settings, writing=6) for _ in range(options.rounds)
        ],
    }


def equal_in_float32(folder: Path, vocabulary: int) -> bool:
    work = [Request(one.prompt, min(one.tokens, 24)) for one in offline(8, vocabulary, seed=1)]
    config = EngineConfig(dtype="float32", max_sequences=4)
    mine = contenders.ours(contenders.load_ours(folder, config), work, config)
    return mine == contenders.one_by_one(contenders.load_theirs(folder, torch.float32), work)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peers", default=",".join(PEERS), help="all of: " + ", ".join(PEERS))
    parser.add_argument("--gguf", type=Path, nargs="*", default=[], help="files for llama.cpp; needs llama-cpp-python")
    parser.add_argument("--sequences", type=int, default=64)
    parser.add_argument("--longest", type=int, default=256, help="tokens in and out, at most")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=24, help="of W2")
    parser.add_argument("--rate", type=float, default=1.0, help="arrivals a second in W2")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--weights", nargs="*", default=[], choices=("int8", "int4"), help="ours, beside full")
    parser.add_argument("--compile", action="store_true", help="ours compiled too, in phases; and times of starts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--plot", type=Path, help="an SVG file to write: tokens a second of everybody")
    options = parser.parse_args()
    options.peers = PEERS if options.peers == "all" else options.peers.split(",")
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        offline = measure_offline(options.folder, options)
        result = {
            "benchmark": "text",
            "model": options.folder.name,
            **surroundings(torch.device("cpu"), "torch", "transformers", "llama-cpp-python"),
            "dtype": offline.pop("dtype"),
            "machine": offline.pop("machine"),
            "batch": options.batch,
            "sequences": options.sequences,
            "shortest": SHORTEST,
            "longest": options.longest,
            "rounds": options.rounds,
            "W1": offline,
            "phases": phases.measure(options.folder, options),
            "W2": measure_online(options.folder, options),
        }
        if options.compile:
            result["starts"] = starts.measure(options.folder, options.rounds)
        vocabulary = contenders.load_ours(options.folder, EngineConfig()).vocabulary
        result["greedy_equal_in_float32"] = equal_in_float32(options.folder, vocabulary)
    report.tell(result, options.plot)
    print(json.dumps(result))
    return 0 if result["greedy_equal_in_float32"] else 1


if __name__ == "__main__":
    sys.exit(main())
