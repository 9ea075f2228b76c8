"""What a run of the picture benchmark found, for people: tables in Markdown, and a plot."""

from __future__ import annotations

from typing import Any

from benchmarks.bars import Bar, drawn
from benchmarks.markdown import number, range_of, table

Told = dict[str, Any]
NAMES = {"one-by-one": "one by one", "static": "equal ones together", "engine": "the engine"}
GOALS = {"one-by-one": ["1.5", "2.5"]}
"""How many times their pictures a second are asked, and how many aimed at."""


def page(told: Told) -> str:
    return "\n\n".join([_heading(told), _rates(told), _times(told), _likeness(told)]) + "\n"


def plot(told: Told) -> str:
    bars = []
    for name, each in told["pictures_per_second"].items():
        over = told["ratio_to"].get(name)
        note = f"the engine {number(over['median'])} times" if over else ""
        bars.append(Bar(NAMES[name], each["median"], each["min"], each["max"], note, name == "engine"))
    title = f"{told['model']}, {told['pictures']} pictures of {_sizes(told)}: pictures a second"
    unit = f"pictures a second, the median of the rounds ({told['where']}, {_dtype(told)}, {told['date']})"
    return drawn(title, unit, bars)


def _heading(told: Told) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    return (
        f"## {told['date']}: {told['model']} on {told['where']}, {_dtype(told)}\n\n"
        f"{told['pictures']} pictures of {_sizes(told)} pixels. {versions}."
    )


def _rates(told: Told) -> str:
    rows = []
    for name, each in told["pictures_per_second"].items():
        over = told["ratio_to"].get(name)
        rates = [number(rate) for rate in each["rounds"]]
        rows.append([NAMES[name], *rates, range_of(over) if over else "", *GOALS.get(name, ["", ""])])
    rounds = len(told["pictures_per_second"]["engine"]["rounds"])
    header = ["pictures a second", *map(str, range(1, rounds + 1)), "the engine over it", "asked", "aimed at"]
    return table(header, rows)


def _times(told: Told) -> str:
    kinds = ("first_preview_seconds", "picture_seconds")
    rows = [[NAMES[name], *(_percentiles(told[kind][name]) for kind in kinds)] for name in told["picture_seconds"]]
    return table(["seconds in the last round, p50 / p99", "first preview", "picture"], rows)


def _likeness(told: Told) -> str:
    lines = []
    for key, what in (
        ("engine_and_engine_alone", "together and one at a time by the engine"),
        ("engine_and_one_by_one", "by the engine and by the pipeline one by one"),
        ("static_and_one_by_one", "by the pipeline together and one by one"),
    ):
        found = told[key]
        others = f", the others by up to {found['largest_difference']} of 255 (PSNR at least {found['lowest_psnr']} dB)"
        same = found["equal"] == found["of"]
        lines.append(f"- {what}: {found['equal']} of {found['of']} to the bit{'' if same else others}")
    return "The same pictures:\n\n" + "\n".join(lines)


def _percentiles(found: dict[str, float]) -> str:
    return f"{number(found['p50'])} / {number(found['p99'])}"


def _sizes(told: Told) -> str:
    return ", ".join(f"{width} × {height}" for width, height in told["sizes"])


def _dtype(told: Told) -> str:
    return str(told["dtype"]).removeprefix("torch.")
