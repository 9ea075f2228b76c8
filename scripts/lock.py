"""Writes the lock files: requirements/{web,worker,dev}.txt from the .in files of the same names.

Everything is resolved together once, so that the three agree; each file then holds what its own needs add to those
before it. Versions are public ones (2.13.0, not 2.13.0+cpu): which build of a wheel is right, the machine decides.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
LAYERS = ("web", "worker", "dev")
NAME = re.compile(r"[-_.]+")


def resolve(layers: tuple[str, ...], pins: dict[str, str]) -> dict[str, str]:
    """Versions by project name, of all that these layers need, within `pins`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    for layer in layers:
        command += ["-r", str(FOLDER / f"{layer}.in")]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("".join(f"{name}=={version}\n" for name, version in pins.items()))
        constraints.flush()
        found = subprocess.run(
            [*command, "-c", constraints.name], check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
    packages = [entry["metadata"] for entry in json.loads(found.stdout)["install"]]
    return {package["name"]: package["version"].split("+")[0] for package in packages}


def markers() -> dict[str, str]:
    """By name as it is compared, of packages that the .in files want on some systems only: `name==1; marker`."""
    lines = [line for layer in LAYERS for line in (FOLDER / f"{layer}.in").read_text().splitlines()]
    marked = [line.split(";", 1) for line in lines if ";" in line and not line.startswith("#")]
    return {canonical(re.split("[^A-Za-z0-9._-]", wanted)[0]): f"; {marker.strip()}" for wanted, marker in marked}


def canonical(name: str) -> str:
    return NAME.sub("-", name).lower()


def main() -> None:
    pins, only = resolve(LAYERS, {}), markers()
    before: set[str] = set()
    for number, layer in enumerate(LAYERS):
        needed = resolve(LAYERS[: number + 1], pins)
        own = {name: version for name, version in needed.items() if canonical(name) not in before}
        before |= {canonical(name) for name in own}
        lines = [f"# Lock file. Made from {layer}.in by `make lock`; do not edit by hand."]
        lines += [f"-r {LAYERS[number - 1]}.txt"] if number else []
        lines += [f"{name}=={own[name]}{only.get(canonical(name), '')}" for name in sorted(own, key=str.lower)]
        (FOLDER / f"{layer}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
