"""W1 on a GPU, with models of well-known shapes and random weights made there: one line of JSON.

    python -m benchmarks.text.gpu --shape llama-1b|llama-8b [--peers continuous,static|none] [--profile]

256 sequences of 100–1024 tokens in and out, all at once. Before anything is timed, a small model in float32 must write
what transformers' `generate` writes. The peers are transformers' continuous batching and `generate` in one static
batch; they take long, so they get the first sequences of the same work, once, and are compared by tokens a second
(several numbers of sequences: each in turn, since neither is fastest with most). They share the weights with ours. Then
one sequence alone, and beside all of it the device's own rates and the roofline that follows from them (see
`roofline`). `--profile`: tables of where the time of a decode pass goes, instead of W1. `--plot`: a picture of W1.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmarks.surroundings import surroundings
from benchmarks.text import contenders, report, where
from benchmarks.text.peers import PEERS, alike_until, beside
from benchmarks.text.roofline import rates
from benchmarks.text.rounds import tell
from benchmarks.text.shapes import SHAPES, RandomModel
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


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="llama-1b")
    parser.add_argument("--peers", default=",".join(PEERS), help="of " + ", ".join(PEERS) + "; or none")
    parser.add_argument("--peer-sequences", type=int, nargs="+", default=[64], help="they get so many, all at once")
    parser.add_argument("--sequences", type=int, default=256)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--shortest", type=int, default=100, help="tokens in and out, at least")
    parser.add_argument("--longest", type=int, default=1024, help="tokens in and out, at most")
    parser.add_argument("--prompt-tokens", type=int, default=4096, help="read in one step, at most")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--compile", choices=("auto", "off"), default="auto", help="off: the modelling code as it is")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--context", type=int, default=512, help="tokens of each sequence, in a profile")
    parser.add_argument("--plot", type=Path, help="an SVG file to write: tokens a second of everybody")
    options = parser.parse_args()
    options.peers = [] if options.peers == "none" or options.profile else options.peers.split(",")
    if unknown := set(options.peers) - set(PEERS):
        parser.error(f"There is no peer {', '.join(sorted(unknown))}.")
    return options


def main() -> int:
    options = parsed()
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
        "prompt_tokens": options.prompt_tokens, "compile": options.compile, "greedy_equal_in_float32": equal,
    }  # fmt: skip
    if options.profile:
        told["decode_pass"] = profiled(model, config, options)
    else:
        measured = Measured(model, config, options, rated)
        told |= measured.results()
        told["peers"] = {}
        for peer, count in product(theirs, options.peer_sequences):
            release_memory(device)
            work = measured.work[:count]
            told["peers"][f"{peer}, {count}"] = beside(peer, theirs[peer], work, measured.made, measured.rate)
        report.tell(told, options.plot)
    print(json.dumps(told), flush=True)
    return 0 if equal else 1


if __name__ == "__main__":
    with torch.no_grad():
        sys.exit(main())
