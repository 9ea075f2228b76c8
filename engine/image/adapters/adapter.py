"""Reads an adapter's file for a pipeline in memory, tensor by tensor, so that the engine thread can do other work in
between. The file is looked at again here: whoever checked it before may not have had this model."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from engine.adapters import UnsupportedAdapter
from engine.adapters.pictures import Fitted, Layer, Rows, fitted, own_name, per_block_of, weights_of
from engine.image.families import Family
from engine.lora.numbers import Halves, Numbers
from engine.store import StoreError
from engine.store.picture_adapters import read_adapter

Changed = dict[nn.Module, Halves]


@dataclass(frozen=True, slots=True, eq=False)
class PictureAdapter:
    """Compared by identity. It keeps what it needs, so that whoever uses it may go on after it was let go."""

    digest: str
    """Of all numbers in it."""
    network: Changed
    """Of the layers that denoise: A and the scaled B, in the number format of the layer's weights."""
    readers: Changed
    """Of the layers that read the prompt."""

    @property
    def layers(self) -> Changed:
        return self.network | self.readers


@dataclass(frozen=True, slots=True)
class AtStrength:
    """An adapter as one picture uses it. Equal ones do the same."""

    adapter: PictureAdapter
    strength: float
    """What its change is multiplied with."""


def load_adapter(folder: Path, family: Family) -> Generator[None, None, PictureAdapter]:
    """Yields after every tensor and returns the adapter. Raises UnsupportedAdapter."""
    try:
        modules = modules_of(family)
        shapes = {layer: tuple(module.weight.shape) for layer, module in modules.items()}
        fits = fitted(read_adapter(folder), shapes, per_block_of(family.network.config))
        yield
        with ExitStack() as opened:
            paths = {part: weights_of(folder, part) for part, _ in fits}
            files = {path: opened.enter_context(safe_open(path, framework="pt")) for path in set(paths.values())}
            of_parts = {part: files[path] for part, path in paths.items()}
            return (yield from _filled(of_parts, fits, modules, family.network_name))
    except StoreError as error:
        raise UnsupportedAdapter(str(error)) from error
    except (OSError, SafetensorError) as error:
        raise UnsupportedAdapter(f"The adapter's file can't be read: {error}") from error


def modules_of(family: Family) -> dict[Layer, nn.Linear | nn.Conv2d]:
    """The layers that an adapter may change: linear ones and convolutions, of the network and of what reads prompts."""
    found: dict[Layer, nn.Linear | nn.Conv2d] = {}
    for part, component in family.pipeline.components.items():
        if part == family.network_name or (part.startswith("text_encoder") and component is not None):
            for name, module in component.named_modules():
                if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1):
                    found[part, own_name(part, name)] = module
    return found


def _filled(
    files: dict[str, Any], fits: dict[Layer, Fitted], modules: dict[Layer, nn.Linear | nn.Conv2d], network: str
) -> Generator[None, None, PictureAdapter]:
    numbers = Numbers()
    found: tuple[Changed, Changed] = ({}, {})
    for (part, name), fit in fits.items():
        file, module, change = files[part], modules[part, name], fit.change
        scaling = _alpha(file, change.alpha) / change.rank if fit.scaling is None else fit.scaling
        halves: list[torch.Tensor] = []
        for half, stored, rows, factor in (("A", change.down, (), 1.0), ("B", change.up, fit.rows, scaling)):
            tensor = numbers.taken(_tensor(file, stored, rows), f"{part}.{name}", half, factor, module.weight.dtype)
            halves.append(tensor.to(module.weight.device))
            yield
        found[part != network][module] = (halves[0], halves[1])
    return PictureAdapter(numbers.digest, *found)


def _tensor(file: Any, name: str, rows: Rows) -> torch.Tensor:
    """All of it, or these rows."""
    if not rows:
        return cast(torch.Tensor, file.get_tensor(name))
    stored = file.get_slice(name)
    return torch.cat([stored[begin:end] for begin, end in rows])


def _alpha(file: Any, name: str) -> float:
    """Raises UnsupportedAdapter where it is no number; one that is too large shows in the matrices."""
    return float(file.get_tensor(name).float())
