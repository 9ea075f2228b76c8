"""What is in a folder that wants to be an adapter: as strict as with models, and still without loading anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.adapters import (
    CONFIG,
    WEIGHTS,
    AdapterConfig,
    Pair,
    UnsupportedAdapter,
    check_fit,
    check_type,
    pairs_of,
    read_config,
)
from engine.store.checks import check_plain_files, read_json
from engine.store.errors import StoreError
from engine.store.safetensors import check_safetensors, tensor_shapes

OF_THE_BASE = (".json", ".jinja", ".model")
"""A tokenizer, a chat template: those of its base count, so what training tools leave beside an adapter isn't kept."""


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What a checked folder holds."""

    files: tuple[str, ...]
    """Paths to keep, relative and sorted."""
    size: int
    """Bytes of those files."""
    config: AdapterConfig
    pairs: dict[str, Pair]


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def check_adapter(folder: Path) -> AdapterFacts:
    """Raises StoreError with the first reason to refuse."""
    present = check_plain_files(folder)
    weights = [path for path in present if path.endswith(".safetensors")]
    if weights != [WEIGHTS]:
        raise StoreError(
            f"Beside {CONFIG} there must be {WEIGHTS} and no other weights; there is {', '.join(weights) or 'none'}. "
            "Save the adapter alone, as safetensors."
        )
    kept = tuple(path for path in present if path == CONFIG or not path.endswith(OF_THE_BASE))
    check_safetensors(folder / WEIGHTS)
    try:
        config = read_config(read_json(folder / CONFIG))
        tensors = tensor_shapes(folder / WEIGHTS)
        for name, (dtype, _) in tensors.items():
            check_type(name, dtype)
        pairs = pairs_of({name: shape for name, (_, shape) in tensors.items()}, config)
    except UnsupportedAdapter as error:
        raise StoreError(str(error)) from error
    return AdapterFacts(kept, sum((folder / path).stat().st_size for path in kept), config, pairs)


def check_fits(adapter: AdapterFacts, base: Path) -> None:
    """base: the folder of a checked model. Raises StoreError where the adapter was made for another one."""
    sizes = {}
    for file in sorted(base.glob("*.safetensors")):
        for name, (_, shape) in tensor_shapes(file).items():
            if name.endswith(".weight") and len(shape) == 2:
                sizes[name.removesuffix(".weight")] = (shape[1], shape[0])
    try:
        check_fit(adapter.pairs, sizes)
    except UnsupportedAdapter as error:
        raise StoreError(str(error)) from error
