"""What is in a folder that wants to be an adapter: as strict as with models, and still without loading anything.

Those of models that write are in PEFT's format, those of models that draw in that or one file; see engine/adapters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.adapters import (
    CONFIG,
    WEIGHTS,
    Pair,
    UnsupportedAdapter,
    check_fit,
    check_type,
    pairs_of,
    read_config,
)
from engine.adapters.pictures import PARTS, Lora, is_lora, of_pictures, parts_in, read_peft
from engine.janus.folder import is_janus
from engine.pipelines import is_pipeline
from engine.store.checks import check_plain_files, read_json
from engine.store.errors import StoreError
from engine.store.picture_adapters import check_lora_fits, lora_of
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
    base_name: str
    """What it was trained on, as its own files say; may be empty."""
    layers: dict[str, Pair] | Lora
    """Of a model that writes, or of one that draws."""

    @property
    def draws(self) -> bool:
        return isinstance(self.layers, Lora)


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG).is_file() or is_lora(folder)


def check_adapter(folder: Path) -> AdapterFacts:
    """Raises StoreError with the first reason to refuse."""
    if is_lora(folder):
        return _check_lora(folder)
    present = check_plain_files(folder)
    if parts := parts_in(folder):
        raise StoreError(
            f"There are parts of an adapter beside {CONFIG}: {', '.join(parts)}. Put what lies outside into the folder "
            "of its part too, “unet” or “transformer”; nothing is applied in part."
        )
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
        if of_pictures(tensors):
            return _facts(folder, kept, config.base_name, read_peft(tensors, config))
        pairs = pairs_of({name: shape for name, (_, shape) in tensors.items()}, config)
    except UnsupportedAdapter as error:
        raise StoreError(str(error)) from error
    return _facts(folder, kept, config.base_name, pairs)


def _check_lora(folder: Path) -> AdapterFacts:
    """One file for all, or PEFT's folders, of which each has the settings of its part."""
    parts = parts_in(folder)
    present = check_plain_files(folder, nested=bool(parts))
    kept = tuple(path for path in present if _belongs(path)) if parts else present
    lora = lora_of(folder, kept)
    return _facts(folder, kept, next((each.base_name for each in lora.settings.values() if each.base_name), ""), lora)


def _belongs(path: str) -> bool:
    """To an adapter of PEFT's folders; so do weights that make it refused."""
    part, below, name = path.partition("/")
    if not below:
        return not path.endswith(OF_THE_BASE)
    return part in PARTS and (name == CONFIG or name.endswith(".safetensors"))


def _facts(folder: Path, kept: tuple[str, ...], base_name: str, layers: dict[str, Pair] | Lora) -> AdapterFacts:
    return AdapterFacts(kept, sum((folder / path).stat().st_size for path in kept), base_name, layers)


def check_fits(adapter: AdapterFacts, base: Path) -> None:
    """base: the folder of a checked model. Raises StoreError where the adapter was made for another one."""
    if is_janus(base):
        raise StoreError("A Janus takes no adapters.")
    if adapter.draws != is_pipeline(base):
        kinds = ("writes", "draws pictures")
        raise StoreError(
            f"The adapter was made for a model that {kinds[adapter.draws]}, and this one {kinds[not adapter.draws]}."
        )
    try:
        if isinstance(adapter.layers, Lora):
            check_lora_fits(adapter.layers, base)
        else:
            check_fit(adapter.layers, _sizes(base))
    except UnsupportedAdapter as error:
        raise StoreError(str(error)) from error


def _sizes(base: Path) -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of the linear layers of a model that writes."""
    sizes = {}
    for file in sorted(base.glob("*.safetensors")):
        for name, (_, shape) in tensor_shapes(file).items():
            if name.endswith(".weight") and len(shape) == 2:
                sizes[name.removesuffix(".weight")] = (shape[1], shape[0])
    return sizes
