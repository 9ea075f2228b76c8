"""What a result was made with, beside its request: for receipts. Imports neither torch nor transformers.

All values are strings. Same request, same model, same of all this: the same result.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

ENGINE = "0.4.0"
"""Raised with every change after which the same request may give another result: `scripts/results.py` asks for it."""
LIBRARIES = ("torch", "transformers", "diffusers")


@cache
def versions() -> dict[str, str]:
    """Of the engine and of the libraries that compute; one that isn't installed is left out."""
    found = {"engine": ENGINE}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def made_with(
    device: object, dtype: object, attention: str, *, cache: str, weights: str = "full", compiled: str = "off"
) -> dict[str, str]:
    """What every loaded model can tell. device and dtype: torch's. compiled: what took the place of the
    modelling code, `off` for nothing."""
    return {
        **versions(),
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
        "attention": attention,
        "weights": weights,
        "compile": compiled,
        "cache": cache,
    }
