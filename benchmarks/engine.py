"""The text engine beside `transformers.generate`, on the same seeded work: prints one line of JSON.

    python -m benchmarks.engine FOLDER [--sequences 16] [--batch 8] [--rounds 3] [--dtype auto] [--threads N]

Work, a small W1: sequences with prompts of 16–256 tokens and 16–64 tokens to make, seeded, end tokens ignored.
Contenders, interleaved A B C A B C: ours; `generate` one by one; `generate` in static batches of the same size, padded
on the left, each until its longest member is done. Beside it: even work (16 in, 48 out, all in step), where a static
batch wastes nothing, with `batch` sequences and with one; and greedy equality in float32. Ratios above 1 mean ours is
faster. The measured memory bandwidth and matrix rate stand beside them, for machines differ.

On a machine that others use too, `--clock cpu --threads 1` counts this process's own CPU time.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from engine.config import EngineConfig
from engine.metrics import Counters
from engine.text.engine import TextEngine
from engine.text.loader import LoadedModel, load_model
from engine.ticket import Ticket
from engine.types import GenerationRequest, SamplingParams

Work = list[tuple[list[int], int]]
"""Prompts, and how many tokens to make."""


def make_work(sequences: int, vocabulary: int, *, seed: int = 0) -> Work:
    generator = random.Random(seed)
    return [
        ([generator.randrange(10, vocabulary) for _ in range(generator.randint(16, 256))], generator.randint(16, 64))
        for _ in range(sequences)
    ]


def ours(model: LoadedModel, work: Work, batch: int) -> list[list[int]]:
    engine = TextEngine(model, EngineConfig(max_sequences=batch), Counters())
    completions = []
    for number, (prompt, length) in enumerate(work):
        params = SamplingParams(temperature=0, max_tokens=length, ignore_eos=True)
        request = GenerationRequest(str(number), "bench", tuple(prompt), params)
        engine.add(Ticket(request, lambda event: None, lambda ticket: None))
        completions.append(engine._completions[str(number)].sequence)
    while engine.busy:
        engine.step()
    return [sequence.tokens[sequence.prompt_tokens :] for sequence in completions]


def one_by_one(model: Any, work: Work) -> list[list[int]]:
    return [_generate(model, [prompt], length)[0] for prompt, length in work]


def static_batches(model: Any, work: Work, batch: int) -> list[list[int]]:
    outputs = []
    for first in range(0, len(work), batch):
        part = work[first : first + batch]
        made = _generate(model, [prompt for prompt, _ in part], max(length for _, length in part))
        outputs += [tokens[:length] for tokens, (_, length) in zip(made, part, strict=True)]
    return outputs


def _generate(model: Any, prompts: list[list[int]], length: int) -> list[list[int]]:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    output = model.generate(ids, attention_mask=mask, max_new_tokens=length, do_sample=False, pad_token_id=0)
    made: list[list[int]] = output[:, longest:].tolist()
    return made


def load_ours(folder: Path, config: EngineConfig) -> LoadedModel:
    loading = load_model(folder, config)
    while True:
        try:
            next(loading)
        except StopIteration as done:
            loaded: LoadedModel = done.value
            return loaded


def load_theirs(folder: Path, dtype: torch.dtype) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True).eval()
    model.generation_config.eos_token_id = None
    return model


def interleaved(
    contenders: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = perf_counter
) -> dict[str, list[float]]:
    """Seconds of every round, after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            began = clock()
            run()
            if number:
                seconds[name].append(clock() - began)
    return seconds


def summary(work: Work, seconds: dict[str, list[float]]) -> dict[str, Any]:
    tokens = sum(length for _, length in work)
    result: dict[str, Any] = {
        f"{name}_tokens_per_second": round(tokens / statistics.median(times), 1) for name, times in seconds.items()
    }
    for name, times in seconds.items():
        if name != "ours":
            ratios = sorted(theirs / mine for mine, theirs in zip(seconds["ours"], times, strict=True))
            result[f"ours_over_{name}"] = {
                "min": round(ratios[0], 2),
                "median": round(statistics.median(ratios), 2),
                "max": round(ratios[-1], 2),
            }
    return result


def equal_in_float32(folder: Path, work: Work, batch: int) -> bool:
    config = EngineConfig(dtype="float32", device="cpu")
    short = [(prompt, min(length, 24)) for prompt, length in work[: 2 * batch]]
    return ours(load_ours(folder, config), short, batch) == one_by_one(load_theirs(folder, torch.float32), short)


def machine() -> dict[str, Any]:
    numbers, matrix = torch.ones(2**26), torch.ones(1024, 1024)

    def best(run: Callable[[], object]) -> float:
        return min(interleaved({"it": run}, 5)["it"])

    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "read_gb_per_second": round(numbers.nbytes / best(numbers.sum) / 1e9, 1),
        "float32_gflop_per_second": round(2 * 1024**3 / best(lambda: matrix @ matrix) / 1e9),
    }


def measure(folder: Path, *, sequences: int, batch: int, rounds: int, dtype: str, clock: str) -> dict[str, Any]:
    time = {"wall": perf_counter, "cpu": process_time}[clock]
    config = EngineConfig(dtype=dtype)  # type: ignore[arg-type]
    mine = load_ours(folder, config)
    theirs = load_theirs(folder, mine.dtype)
    work = make_work(sequences, mine.vocabulary)
    mixed = interleaved(
        {
            "ours": lambda: ours(mine, work, batch),
            "one_by_one": lambda: one_by_one(theirs, work),
            "static_batch": lambda: static_batches(theirs, work, batch),
        },
        rounds,
        time,
    )
    even = [(prompt[:16], 48) for prompt, _ in work[:batch]]
    contest = {
        name: interleaved(
            {
                "ours": lambda part=part: ours(mine, part, len(part)),  # type: ignore[misc]
                "static_batch": lambda part=part: static_batches(theirs, part, len(part)),  # type: ignore[misc]
            },
            rounds,
            time,
        )
        for name, part in {"decode": even, "decode_alone": even[:1]}.items()
    }
    return {
        "benchmark": "engine",
        "model": folder.name,
        "dtype": str(mine.dtype),
        "batch": batch,
        "sequences": sequences,
        "rounds": rounds,
        "clock": clock,
        "mixed": summary(work, mixed),
        "decode": summary(even, contest["decode"]),
        "decode_alone": summary(even[:1], contest["decode_alone"]),
        "greedy_equal_in_float32": equal_in_float32(folder, work, batch),
        "machine": machine(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with torch.inference_mode():
        result = measure(
            given.folder,
            sequences=given.sequences,
            batch=given.batch,
            rounds=given.rounds,
            dtype=given.dtype,
            clock=given.clock,
        )
    print(json.dumps(result))
    return 0 if result["greedy_equal_in_float32"] else 1


if __name__ == "__main__":
    sys.exit(main())
