"""A well-known shape, with random weights made on any device: W1 beside transformers' own ways (see __main__.py)."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import product
from typing import Any

import torch

from benchmarks.surroundings import surroundings
from benchmarks.text import contenders, where
from benchmarks.text.peers import PEERS, alike_until, beside
from benchmarks.text.roofline import rates
from benchmarks.text.rounds import tell
from benchmarks.text.shapes import RandomModel
from benchmarks.text.whole import Measured, engine_of
from benchmarks.text.work import Request, offline
from engine.config import EngineConfig
from engine.device import release_memory
from engine.metrics import Counters
from engine.text.loader import LoadedModel


def equal_in_float32(config: EngineConfig) -> bool:
    random = RandomModel("small", replace(config, dtype="float32"))
    theirs, model = random.theirs("sdpa"), random.ours()
    work = [Request(one.prompt, min(one.tokens, 32)) for one in offline(8, model.vocabulary, seed=1)]
    counters = Counters()
    engine = engine_of(model, replace(config, max_sequences=len(work), prefill_tokens=96), work, counters)
    with torch.inference_mode():
        mine = contenders.written(engine, work)
    same = alike_until(mine, contenders.one_by_one(theirs, work))
    other = f"{counters.compiled_steps} of {counters.steps} steps not by the modelling code"
    tell(f"float32, attention “{engine.attention}”, {other}: {same:.1%} of the tokens are those of `generate`")
    return same == 1


def profiled(model: LoadedModel, config: EngineConfig, options: argparse.Namespace) -> dict[str, Any]:
    told = {}
    for sequences in (options.batch, 1):
        work = where.wanted(model.vocabulary, sequences, options.context)
        engine = engine_of(model, config, work, counters := Counters())
        with torch.inference_mode():
            told[str(sequences)] = where.decode_pass(engine, counters, work, model.device)
        del engine
        release_memory(model.device)
    return told


@torch.no_grad()
def measured(options: argparse.Namespace) -> dict[str, Any]:
    config = EngineConfig(
        device=options.device, dtype=options.dtype, max_sequences=options.batch, prefill_tokens=options.prompt_tokens,
        max_context=max(2 * options.longest, 512), stall_factor=float("inf"), speculate=False,
        compile=options.compile,
    )  # fmt: skip
    equal = equal_in_float32(config)
    random = RandomModel(options.shape, config)
    theirs = {name: random.theirs(PEERS[name]) for name in options.peers}
    model, device = random.ours(), random.device
    tell(f"{options.shape} made on {device}, {model.dtype}")
    rated = rates(device, model.dtype)
    release_memory(device)
    tell(f"measured: {json.dumps(rated.told())}")
    told: dict[str, Any] = {
        "benchmark": "text", "shape": options.shape, **surroundings(device, "torch", "triton", "transformers"),
        "dtype": str(model.dtype), "machine": rated.told(), "batch": options.batch, "sequences": options.sequences,
        "shortest": options.shortest, "longest": options.longest, "rounds": options.rounds,
        "prompt_tokens": options.prompt_tokens, "compile": options.compile, "left_out": options.left_out,
        "greedy_equal_in_float32": equal,
    }  # fmt: skip
    if options.profile:
        told["decode_pass"] = profiled(model, config, options)
    else:
        whole = Measured(model, config, options, rated)
        told |= whole.results()
        told["peers"] = {}
        for peer, count in product(theirs, options.peer_sequences):
            release_memory(device)
            work = whole.work[:count]
            told["peers"][f"{peer}, {count}"] = beside(peer, theirs[peer], work, whole.made, whole.rate)
    return told
