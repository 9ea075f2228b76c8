"""Which layers of a pipeline an adapter changes, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.adapters.config import UnsupportedAdapter
from engine.adapters.pictures.layers import Layer, Rows, Shape, Share
from engine.adapters.pictures.lora import Change, Lora
from engine.adapters.pictures.names import PEFT, spelled


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is done to one layer."""

    change: Change
    scaling: float | None
    """What the second matrix is multiplied with; None: by its alpha, which is a tensor of its own."""
    rows: Rows = ()
    """Of the second matrix, where the layer has some of its outputs, or all in another order."""


def fitted(lora: Lora, layers: Mapping[Layer, Shape], per_block: int) -> dict[Layer, Fitted]:
    """layers: all linear ones and convolutions of the base, with the shapes of their weights. per_block: as `spelled`
    takes it.

    Raises UnsupportedAdapter for another model's adapter.
    """
    known = spelled(layers, per_block)
    found: dict[Layer, Fitted] = {}
    for written, change in lora.changes.items():
        shares = known.get(written)
        if shares is None:
            raise UnsupportedAdapter(
                f"The adapter was made for another model, or names its layers in a way that isn't known here: this "
                f"model has no “{written[:120]}”."
            )
        whole = _whole(shares, layers)
        if whole != change.shape:
            raise UnsupportedAdapter(
                f"The adapter was made for another model: the weights of “{written[:120]}” are "
                f"{_size(whole)}, the adapter's {_size(change.shape)}."
            )
        for share in shares:
            if share.layer in found:
                raise UnsupportedAdapter(f"The adapter changes “{written[:120]}” twice, under two names.")
            found[share.layer] = Fitted(change, _scaling(lora, share.layer[0], written, change), share.rows)
    return dict(sorted(found.items()))


def _whole(shares: tuple[Share, ...], layers: Mapping[Layer, Shape]) -> Shape:
    """Of one matrix that holds all of them, one below the other."""
    shapes = [layers[share.layer] for share in shares]
    return (sum(outputs for outputs, *_ in shapes), *shapes[0][1:])


def _scaling(lora: Lora, part: str, written: str, change: Change) -> float | None:
    """written: what the file calls the layer, and its settings with it."""
    name = written.removeprefix(PEFT)
    settings = lora.settings.get(part)
    if settings is None:
        return None if change.alpha else 1.0
    if change.alpha:
        raise UnsupportedAdapter(f"The adapter's file says twice how strong “{name}” is: by an alpha and in settings.")
    if (name.startswith("lora_") or name.endswith("_lora")) and (settings.ranks or settings.alphas):
        raise UnsupportedAdapter(f"The adapter's settings and its tensors have different names for layers: “{name}”.")
    if settings.rank_of(name) != change.rank:
        raise UnsupportedAdapter(
            f"The adapter's matrices for “{name}” have the rank {change.rank}, its settings say "
            f"{settings.rank_of(name)}."
        )
    return settings.scaling(name)


def _size(shape: Shape) -> str:
    return " × ".join(map(str, shape))
