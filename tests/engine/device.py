"""Where the engine's tests compute: on the processor, or where ATRIUM_TEST_DEVICE says, as on `cuda`.

On a GPU they go through the Triton kernels, fused layers and recorded steps. Which way is the fastest for a tiny model
isn't the question there.
"""

from __future__ import annotations

import os

from engine.config import Attention

DEVICE = os.environ.get("ATRIUM_TEST_DEVICE", "cpu")
ATTENTION: Attention = "auto" if DEVICE == "cpu" else "triton"
ON_DEVICE = {"device": DEVICE, "attention": ATTENTION, "compile": "off" if DEVICE == "cpu" else "auto"}
"""Settings of an EngineConfig."""
