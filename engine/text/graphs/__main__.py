"""python -m engine.text.graphs < ORDER: compiles what the order (JSON, see `building.py`) names.

Ends with 0; with UNFIT where the model's layers can't be compiled at all, with the reason as the last line; with
another number where something else went wrong. Goes with the worker that started it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

NICE = 5
"""Others may be writing meanwhile."""
DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG"""


def main() -> int:
    os.nice(NICE)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is half done is removed
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)
    order = json.load(sys.stdin)
    with tempfile.TemporaryDirectory(dir=Path(order["graphs"][0]["target"]).parent) as scratch:
        # Its own place is a folder in /tmp whose name everybody can foresee.
        os.environ |= {"TORCHINDUCTOR_CACHE_DIR": scratch}
        return _made(order, Path(scratch))


def _made(order: dict[str, Any], scratch: Path) -> int:
    import torch

    from engine.device import DTYPES
    from engine.store.checks import read_json
    from engine.text.graphs.building import UNFIT
    from engine.text.graphs.kinds import Unfit
    from engine.text.graphs.tracing import make
    from engine.text.loader import skeleton

    torch.set_num_threads(order["threads"])
    dtype = DTYPES[order["dtype"]]
    module = skeleton(read_json(Path(order["folder"]) / "config.json"), dtype, torch.device("cpu"))
    try:
        for graph in order["graphs"]:
            target = Path(graph["target"])
            make(module, graph["layer"], graph["own"], scratch / target.name)
            (scratch / target.name).replace(target)
    except Unfit as error:
        sys.stderr.write(f"{error}\n")
        return UNFIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
