"""What a run of the text benchmark found, for people: a page of tables in Markdown, and a plot.

    python -m benchmarks.text.report FILE.json [--plot FILE.svg]

FILE has the line of JSON that the benchmark printed, on a processor or on a GPU, and may have its lines of progress
before it. What is asked and aimed at stands beside what was found.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, drawn
from benchmarks.markdown import number, range_of, share, table

Told = dict[str, Any]
NAMES = {
    "ours": "ours, full weights",
    "ours, full": "ours, full weights",
    "generate": "`generate`, one by one",
    "static": "`generate`, static batches",
    "continuous": "transformers' continuous batching",
}
OVER = {"generate": (10, 25), "static": (2.5, 4), "continuous": (8, 20)}
"""How many times their tokens a second are asked, and how many aimed at, on a processor."""
OVER_LLAMA = {"decode of 32": (2.5, 4), "decode of one": (0.8, 1.2), "prompts": (3, 6)}
ROOFLINE = {
    "llama-1b": ("60 %", ""),
    "llama-8b": ("65 %", ""),
    "": ("45 %", "70 %"),
}
"""By the shape; "" for a model's folder, on a processor."""
BANDWIDTH = {"llama-8b": "85 %"}


def page(told: Told) -> str:
    parts = [_heading(told), *told["left_out"], _offline(told), _phases(told), _rest(told)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plot(told: Told) -> str:
    bars = []
    for name, (each, over) in _contenders(told).items():
        note = f"ours {number(over['median'])} times" if over else ""
        bars.append(Bar(_name(name).replace("`", ""), each["median"], each["min"], each["max"], note, _is_ours(name)))
    title = f"{_model(told)}, {told['sequences']} sequences: tokens a second"
    unit = f"tokens a second, the median of the rounds ({told['where']}, {_dtype(told)}, {told['date']})"
    return drawn(title, unit, bars)


def tell(told: Told, picture: Path | None) -> None:
    """To people, beside the line of JSON."""
    print(f"\n{page(told)}", file=sys.stderr, flush=True)
    if picture:
        picture.write_text(plot(told))


def read(file: Path) -> Told:
    """Raises ValueError in words."""
    lines = [line for line in file.read_text().splitlines() if line.startswith("{")]
    told: Told = json.loads(lines[-1]) if lines else {}
    if told.get("benchmark") != "text" or "W1" not in told:
        raise ValueError(f"{file} has no line of JSON as `python -m benchmarks.text` prints it, without --profile.")
    return told


def _heading(told: Told) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    return (
        f"## {told['date']}: {_model(told)} on {told['where']}, {_dtype(told)}\n\n"
        f"{told['sequences']} sequences, {told['shortest']}–{told['longest']} tokens in and out, {told['batch']} at "
        f"once. {versions}. Greedy tokens in float32 are those of `generate`: "
        f"{'yes' if told['greedy_equal_in_float32'] else '**no**'}."
    )


def _offline(told: Told) -> str:
    contenders = _contenders(told)
    rounds = max(len(each["rounds"]) for each, _ in contenders.values())
    rows = []
    for name, (each, over) in contenders.items():
        rates = [number(rate) for rate in each["rounds"]]
        goals = _goals(() if "shape" in told else OVER.get(name, ()))
        rows.append([_name(name), *rates, *[""] * (rounds - len(rates)), range_of(over) if over else "", *goals])
    failed = [
        f"{_name(f'{name} sequences')} failed: {peer['error']}"
        for name, peer in told.get("peers", {}).items()
        if "error" in peer
    ]
    header = ["tokens a second", *map(str, range(1, rounds + 1)), "ours, full weights, over it", "asked", "aimed at"]
    return "\n\n".join([table(header, rows), *failed])


def _phases(told: Told) -> str:
    phases = told.get("phases", {})
    if not phases:
        return ""
    names = list(next(iter(phases.values()))["tokens_per_second"])
    theirs = [name for name in names if not _is_ours(name)]
    rows = []
    for phase, found in phases.items():
        rates = [number(found["tokens_per_second"][name]["median"]) for name in names]
        best = [
            range_of(max((over[name] for over in found["over"].values()), key=lambda each: each["median"]))
            for name in theirs
        ]
        rows.append([phase, *rates, *best, *(_goals(OVER_LLAMA.get(phase, ())) if theirs else [])])
    header = ["tokens a second, the median", *map(_name, names), *(f"best of ours over {name}" for name in theirs)]
    return table([*header, *(["asked", "aimed at"] if theirs else [])], rows)


def _rest(told: Told) -> str:
    found, shape = told["W1"], told.get("shape", "")
    rows = [["of the roofline", share(found["roofline_part"]), *ROOFLINE.get(shape, ("", ""))]]
    if online := told.get("W2"):
        stalls = [one["ratio"] for one in online["beside_a_long_prompt"]]
        rows += [
            ["a known beginning answers so many times as soon", range_of(online["known_over_computed"]), "3", "5"],
            ["p99 between tokens beside a long prompt, over that without", _each(stalls), "at most 2", "at most 1.3"],
        ]
    if alone := told.get("one_sequence"):
        rows += [
            ["one sequence alone, tokens a second", range_of(alone["tokens_per_second"]), "", ""],
            ["of the bandwidth", share(alone["bandwidth_part"]), BANDWIDTH.get(shape, ""), ""],
        ]
    if starts := told.get("starts"):
        later = range_of(starts["first over second: ready"])
        rows += [["a worker's second start takes so many times less than its first", later, "3", "8"]]
    machine = told["machine"]
    rows += [["memory read, GB a second", number(machine["read_gb_per_second"]), "", ""]]
    if "product_tflop_per_second" in machine:
        rows += [["multiplication, TFLOP a second", number(machine["product_tflop_per_second"]), "", ""]]
    else:
        lowest = f"{number(machine['gflop_per_second'])} (lowest {number(machine['lowest_gflop_per_second'])})"
        rows += [["multiplication, GFLOP a second", lowest, "", ""]]
    return table(["", "found", "asked", "aimed at"], rows)


def _contenders(told: Told) -> dict[str, tuple[dict[str, Any], dict[str, float] | None]]:
    """Tokens a second of each, and ours over it. On a GPU peers have one round, beside the median of ours."""
    offline = told["W1"]
    if "over" in offline:
        return {name: (each, offline["over"]["ours"].get(name)) for name, each in offline["tokens_per_second"].items()}
    found: dict[str, tuple[dict[str, Any], dict[str, float] | None]] = {"ours": (offline["tokens_per_second"], None)}
    for name, peer in told["peers"].items():
        if "error" not in peer:
            found[f"{name} sequences"] = (_once(peer["tokens_per_second"]), _once(peer["ours_over"]))
    return found


def _once(value: float) -> dict[str, Any]:
    return {"min": value, "median": value, "max": value, "rounds": [value]}


def _goals(asked_and_aimed_at: tuple[float, ...]) -> list[str]:
    return [f"{goal:g}" for goal in asked_and_aimed_at] or ["", ""]


def _each(values: list[float]) -> str:
    return ", ".join(map(number, values))


def _name(name: str) -> str:
    """In words: `ours, int8` and `llama.cpp, Q4_1` stay as they are."""
    if _is_ours(name):
        return NAMES.get(name, name)
    first, comma, rest = name.partition(",")
    return NAMES.get(first, first) + comma + rest


def _is_ours(name: str) -> bool:
    return name.startswith("ours")


def _model(told: Told) -> str:
    return str(told.get("model") or f"the shape {told['shape']}")


def _dtype(told: Told) -> str:
    return str(told["dtype"]).removeprefix("torch.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--plot", type=Path, help="an SVG file to write")
    options = parser.parse_args()
    try:
        told = read(options.file)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(page(told), end="")
    if options.plot:
        options.plot.write_text(plot(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
