"""One start of a worker's text engine, until its model is ready: prints the seconds that passed, those of processors
(the compiler's included), and those of compiling.

python -m benchmarks.text.start FOLDER WEIGHTS on|off
"""

from __future__ import annotations

from time import perf_counter

BEGAN = perf_counter()

import argparse  # noqa: E402 - what is imported below is part of the start
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import torch  # noqa: E402

from engine.config import EngineConfig  # noqa: E402
from engine.image.encoding import Encoding  # noqa: E402
from engine.kinds import Surroundings, read  # noqa: E402
from engine.loaded import at_once  # noqa: E402
from engine.memory import MIB  # noqa: E402
from engine.metrics import Counters  # noqa: E402
from engine.room import unlimited  # noqa: E402
from engine.source import FolderSource  # noqa: E402

ROOM = 512 * MIB


def main() -> int:
    options = _parser().parse_args()
    counters = Counters()
    around = Surroundings(
        EngineConfig(device="cpu", compile=options.compile), counters, FolderSource(), Encoding(),
        make_room=lambda: None, spare_of=lambda _model: unlimited, is_alone=lambda _model: True,
    )  # fmt: skip
    with torch.inference_mode():
        at_once(read("measured", options.folder, options.weights, ROOM, around))
    told = {
        "ready": perf_counter() - BEGAN, "processor": sum(os.times()[:4]), "compile": counters.compile_seconds,
        "built": counters.graphs_built,
    }  # fmt: skip
    print(json.dumps(told))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text.start", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", choices=("full", "int8", "int4"))
    parser.add_argument("compile", choices=("on", "off"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
