"""The text that AUTOMATIC1111's web UI writes under `parameters`, and that most other programs can read.

    prompt, several lines perhaps
    Negative prompt: the same
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 6ce0161689, Model: v1-5

The last line that begins with “Steps:” has the settings; a value that would be misread is written as JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any

from engine.pictures.origin import Origin
from engine.pictures.recovered import Recovered, recovered
from engine.pictures.samplers import to_a1111, to_ours

NEGATIVE = "Negative prompt:"
SETTINGS = re.compile(r"\s*Steps:\s*\d")
SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
MAX_SETTINGS = 100
NAMES = {
    "Steps": "steps", "Sampler": "scheduler", "CFG scale": "guidance", "Seed": "seed", "Model": "model",
    "Denoising strength": "strength", "Adapter strength": "adapter_strength",
}  # fmt: skip


def write(origin: Origin) -> str:
    params = origin.params
    sampler, schedule = to_a1111(params.scheduler)
    settings = {
        "Steps": params.steps,
        "Sampler": sampler,
        "Schedule type": schedule,
        "CFG scale": _number(params.guidance),
        "Seed": params.seed,
        "Size": f"{params.width}x{params.height}",
        "Model hash": origin.digest.removeprefix("sha256:")[:10],
        "Model": origin.model,
        "Denoising strength": _number(params.strength) if origin.has_source else "",
        "Adapter strength": _number(params.adapter_strength) if params.adapter_strength != 1 else "",
    }
    line = ", ".join(f"{name}: {_quoted(str(value))}" for name, value in settings.items() if value != "")
    negative = f"{NEGATIVE} {params.negative_prompt}" if params.negative_prompt else ""
    return "\n".join(part for part in (params.prompt, negative, line) if part)


def read(text: str) -> Recovered | None:
    """None where no line has settings: then something else was written under that name."""
    lines = text.split("\n")
    last = next((at for at in range(len(lines) - 1, -1, -1) if SETTINGS.match(lines[at])), None)
    if last is None:
        return None
    split = next((at for at in range(last) if lines[at].startswith(NEGATIVE)), last)
    settings = _settings(lines[last])
    found: dict[str, Any] = {NAMES[name]: value for name, value in settings.items() if name in NAMES}
    found["prompt"] = "\n".join(lines[:split])
    found["negative_prompt"] = "\n".join(lines[split:last]).removeprefix(NEGATIVE).removeprefix(" ")
    if size := SIZE.fullmatch(settings.get("Size", "")):
        found["width"], found["height"] = size.groups()
    if "scheduler" in found:
        found["scheduler"] = to_ours(found["scheduler"], settings.get("Schedule type", ""))
    extras = {name: value for name, value in settings.items() if name not in (*NAMES, "Size")}
    return recovered("a1111", found, extras)


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _quoted(value: str) -> str:
    is_plain = value == value.strip() and not re.search(r'[,:\n]|^"', value)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _settings(line: str) -> dict[str, str]:
    """Name and value of each; one pass from left to right, whatever stands there."""
    found: dict[str, str] = {}
    decoder, at = json.JSONDecoder(), 0
    while at < len(line) and len(found) < MAX_SETTINGS:
        name, colon, _ = line[at : at + 200].partition(":")
        if not colon:
            break
        start = at + len(name) + 1
        start += len(line[start : start + 1]) - len(line[start : start + 1].lstrip())
        value, at = _value(line, start, decoder)
        found.setdefault(name.strip(), value)
    return found


def _value(line: str, start: int, decoder: json.JSONDecoder) -> tuple[str, int]:
    """The value that starts there, and where the next setting starts."""
    if line[start : start + 1] == '"':
        try:
            value, end = decoder.raw_decode(line, start)
        except ValueError:
            pass
        else:
            return str(value), line.find(",", end) + 1 or len(line)
    end = line.find(",", start)
    end = len(line) if end < 0 else end
    return line[start:end].strip(), end + 1
