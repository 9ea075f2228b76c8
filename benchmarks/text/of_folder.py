"""A model's folder on a processor, with all peers: W1, each phase alone, and W2 (see __main__.py)."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.surroundings import surroundings
from benchmarks.text import contenders, machine, online, phases, starts
from benchmarks.text.llama import LlamaCpp, name_of
from benchmarks.text.rounds import over, seconds, spread, tell
from benchmarks.text.work import Request, made, offline
from engine.config import EngineConfig
from engine.metrics import Counters
from engine.text.engine import TextEngine

EVERY = 8
"""`generate` one by one and continuous batching do every so many-th sequence."""


@torch.inference_mode()
def measured(options: argparse.Namespace) -> dict[str, Any]:
    folder: Path = options.folder
    offline = measure_offline(folder, options)
    result = {
        "benchmark": "text", "model": name_of_model(folder),
        **surroundings(torch.device("cpu"), "torch", "transformers", "llama-cpp-python"),
        "dtype": offline.pop("dtype"), "machine": offline.pop("machine"), "batch": options.batch,
        "sequences": options.sequences, "shortest": options.shortest, "longest": options.longest,
        "rounds": options.rounds, "left_out": options.left_out, "W1": offline,
        "phases": phases.measure(folder, options), "W2": measure_online(folder, options),
    }  # fmt: skip
    if options.compile == "on":
        result["starts"] = starts.measure(folder, options.rounds)
    vocabulary = contenders.load_ours(folder, EngineConfig(device="cpu")).vocabulary
    return result | {"greedy_equal_in_float32": equal_in_float32(folder, vocabulary)}


def name_of_model(folder: Path) -> str:
    """Those of the store lie in `files`, below their digest."""
    return folder.parent.name[:12] if folder.name == "files" else folder.name


def measure_offline(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    config = EngineConfig(  # the same prompts come in every round, and must not be found in the cache
        device="cpu", dtype=options.dtype, max_sequences=options.batch, stall_factor=float("inf"), prefix_cache=False
    )
    model = contenders.load_ours(folder, config)
    theirs = contenders.load_theirs(folder, model.dtype)
    work = offline(options.sequences, model.vocabulary, shortest=options.shortest, longest=options.longest)
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
    vocabulary = contenders.load_ours(folder, EngineConfig(device="cpu")).vocabulary
    settings = {"device": "cpu", "dtype": options.dtype, "max_sequences": 16}
    pairs = []
    for _ in range(options.rounds):
        found, computed = (
            online.shared_prefix(
                folder, vocabulary, settings | {"prefix_cache": cached}, requests=options.requests, rate=options.rate
            )
            for cached in (True, False)
        )
        pairs.append((found, computed))
        tell(f"W2: {found * 1e3:.0f} ms to the first token of a known beginning, {computed * 1e3:.0f} ms of another")
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
    config = EngineConfig(device="cpu", dtype="float32", max_sequences=4)
    mine = contenders.ours(contenders.load_ours(folder, config), work, config)
    return mine == contenders.one_by_one(contenders.load_theirs(folder, torch.float32), work)
