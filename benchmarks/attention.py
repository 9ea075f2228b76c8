"""Every way of computing attention that this machine has, on the cache of one layer: prints one line of JSON.

    python -m benchmarks.attention [--device cuda] [--dtype bfloat16] [--shape llama-8b] [--context 2048]

For each kind of work (decodes of one and of several sequences, a chunk of a prompt behind a context, a prompt from its
beginning) the ways take turns A B C A B C. Told are microseconds of one layer, keys and values stored as well, alone
and with what a step prepares once for all its layers; for decodes the cache read in GB/s, and as part of the rate at
which this device copied memory in this run; and the ratios of each round, above 1 where the first way is faster. On a
GPU, calls follow one another without waiting, so what is told is the longer one of starting kernels and running them.
Before, every result is compared with the plain formula in float32: a way that is wrong is named, and not timed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

from benchmarks.attention_layer import SHAPES, Layer, Work
from benchmarks.text.rounds import over, spread
from engine.device import finish
from engine.text.attention.choice import FAST
from engine.text.attention.reference import ReferenceBackend
from engine.text.attention.shape import CacheShape

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TOLERANCE = {torch.float32: 1e-4}
ROUGH = 2e-2
"""Of number formats with few digits."""
COPIED = 2**28
"""Bytes."""


def microseconds(run: Callable[[], object], device: torch.device, times: int) -> float:
    """Of one call, when `times` follow one another."""
    finish(device)
    began = perf_counter()
    for _ in range(times):
        run()
    finish(device)
    return (perf_counter() - began) / times * 1e6


def copy_rate(device: torch.device) -> float:
    """GB/s, read and written together: the best of some tries."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED / min(microseconds(lambda: target.copy_(source), device, 1) for _ in range(8)) / 1e3


def measured(shape: CacheShape, work: Work, options: argparse.Namespace, rate: float) -> dict[str, Any]:
    layers, wrong = checked(shape, work)
    for layer in layers.values():
        layer.whole()
    times: dict[str, list[float]] = {name: [] for name in layers}
    whole: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(options.rounds):
        for name, layer in layers.items():
            times[name].append(microseconds(layer.output, shape.device, options.times))
            whole[name].append(microseconds(layer.whole, shape.device, options.times))
    told: dict[str, Any] = {
        "sequences": work.sequences, "context": work.context, "tokens_each": work.count, "wrong": wrong,
        "layer_us": {name: spread(values) for name, values in times.items()},
        "layer_and_plan_us": {name: spread(values) for name, values in whole.items()},
    }  # fmt: skip
    rates = {name: [1 / value for value in values] for name, values in times.items()}
    told["over"] = {name: over(rates, name) for name in list(rates)[:1]}
    if work.count == 1:
        read = {name: work.bytes_read(shape) / min(values) / 1e3 for name, values in times.items()}
        told["best_gb_per_second"] = {name: round(value, 1) for name, value in read.items()}
        told["of_copy_rate"] = {name: round(value / rate, 3) for name, value in read.items()}
    return told


def checked(shape: CacheShape, work: Work) -> tuple[dict[str, Layer], dict[str, float]]:
    """The ways whose results are right; and of the others how far they are away at most."""
    right = Layer(ReferenceBackend, shape, work).output().float()
    tolerance = TOLERANCE.get(shape.dtype, ROUGH)
    layers, wrong = {}, {}
    for kind in FAST:
        if kind.supports(shape):
            layer = Layer(kind, shape, work)
            mine = layer.output().float()
            if torch.allclose(mine, right, rtol=tolerance, atol=tolerance):
                layers[kind.name] = layer
            else:
                wrong[kind.name] = float((mine - right).abs().max())
    return layers, wrong


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=DTYPES)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2")
    parser.add_argument("--sequences", type=int, default=32)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--chunk", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=10, help="calls that follow one another in a round")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    device = torch.device(options.device)
    dtype = DTYPES[options.dtype or ("float32" if device.type == "cpu" else "bfloat16")]
    shape = CacheShape(layers=1, dtype=dtype, device=device, **SHAPES[options.shape])
    rate = copy_rate(device)
    works = {
        "decode": Work(options.sequences, options.context, 1),
        "decode_alone": Work(1, options.context, 1),
        "chunk_behind_context": Work(1, options.context, options.chunk),
        "prompt": Work(1, 0, options.chunk),
    }
    told = {
        "shape": options.shape,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "dtype": str(dtype),
        "torch": torch.__version__,
        "copy_gb_per_second": round(rate, 1),
        **{name: measured(shape, work, options, rate) for name, work in works.items()},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
