"""Graphs on disk: made by a process of its own at the first load of a model, found there by all later ones.

The files hold code of this machine, so they are kept as the compiled kernels are: in a folder of the user that runs the
worker, under a name that says what they were made of.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from time import monotonic
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
import transformers

from engine import own_process
from engine.text.c_library import cache_folder, machine
from engine.text.graphs.kinds import Kind, Unfit

SOURCES = ("operators.py", "tracing.py")
UNFIT = 3
"""How the process ends where nothing can be done about it."""
BUILD_SECONDS = 1800
LOOK_SECONDS = 0.002
"""How long to wait for the process before looking after the running sequences again."""


class NotCompiled(Exception):
    """It didn't work this time; says why."""


def names_of(kinds: Several[Kind], order: Mapping[str, Any]) -> list[Path]:
    """Where the graph of each kind is, or will be."""
    folder = cache_folder("graphs")
    config = (Path(order["folder"]) / "config.json").read_bytes()
    sources = [(Path(__file__).parent / source).read_bytes() for source in SOURCES]
    around = [torch.__version__, transformers.__version__, machine()]
    around += [str(order[name]) for name in ("dtype", "threads")]
    known = [config, *sources, *(one.encode() for one in around)]
    return [folder / f"{_hash([*known, kind.described.encode()])}.pt2" for kind in kinds]


def built(kinds: Several[Kind], files: Several[Path], order: Mapping[str, Any]) -> Generator[bool, None, int]:
    """See to it that all files are there; how many had to be made. Yields False while it waits.

    Raises Unfit, NotCompiled.
    """
    for file in files:
        if (refused := file.with_suffix(".unfit")).exists():
            raise Unfit(refused.read_text(encoding="utf-8"))
    missing = [(kind, file) for kind, file in zip(kinds, files, strict=True) if not _is_sound(file)]
    if not missing:
        return 0
    if shutil.which(os.environ.get("CXX") or "g++") is None:
        raise NotCompiled("there is no C++ compiler.")
    graphs = [{"layer": kind.members[0], "own": kind.own, "target": str(file)} for kind, file in missing]
    try:
        yield from _run({**order, "graphs": graphs})
    except Unfit as error:
        missing[0][1].with_suffix(".unfit").write_text(str(error), encoding="utf-8")
        raise
    return len(missing)


def _run(order: Mapping[str, Any]) -> Generator[bool, None, None]:
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        told.write(json.dumps(order).encode())
        told.seek(0)
        command = [sys.executable, "-m", "engine.text.graphs"]
        process = subprocess.Popen(  # noqa: S603
            command, cwd=own_process.ROOT, env=own_process.environment(), stdin=told, stdout=said, stderr=said
        )
        try:
            yield from _wait(process)
        finally:
            process.terminate()
            process.wait()
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()
            reason = words[-1][:500] if words else f"the compiler's process ended with {process.returncode}."
            raise Unfit(reason) if process.returncode == UNFIT else NotCompiled(reason)


def _wait(process: subprocess.Popen[bytes]) -> Generator[bool, None, None]:
    end = monotonic() + BUILD_SECONDS
    while True:
        try:
            process.wait(LOOK_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if monotonic() > end:
                raise NotCompiled(f"compiling took longer than {BUILD_SECONDS // 60} minutes.") from None
            yield False


def _is_sound(file: Path) -> bool:
    """Whether it is there and whole: a damaged library would take the worker down with it."""
    try:
        with ZipFile(file) as package:
            return package.testzip() is None
    except (OSError, BadZipFile):
        return False


def _hash(parts: Several[bytes]) -> str:
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()[:32]
