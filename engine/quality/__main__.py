"""The child process of a measurement: one line of JSON, or one sentence on stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import torch

from engine.loaded import LoadFailed
from engine.quality.comparing import compare
from engine.weights import Weights


def main(folder: str, weights: Weights) -> int:
    try:
        with torch.inference_mode():
            quality = compare(Path(folder), weights)
    except LoadFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(quality)) + "\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in get_args(Weights):
        sys.exit("usage: python -m engine.quality FOLDER int8|int4")
    sys.exit(main(sys.argv[1], sys.argv[2]))  # type: ignore[arg-type]
