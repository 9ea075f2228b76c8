"""A model's layers in their fused form."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from engine.device import release_memory
from engine.text.llama_layers import fits
from engine.text.other_layers import in_place

if TYPE_CHECKING:
    from engine.text.fused.going_on import GoingOn

logger = logging.getLogger(__name__)


class FusedLayers:
    """Merges the weights of the model's layers; the modelling code's own go on working with them."""

    mode = "fused"
    """For receipts."""
    only_if_faster = False
    """The trial's single layer tells little of a GPU's time: what it takes is mostly launching."""
    rough = False

    def __init__(self, layers: Any) -> None:
        from engine.text.fused.layer import FusedLayer  # here and not above: it imports triton

        self._layers = list(layers)
        self._fused = [FusedLayer(layer, number) for number, layer in enumerate(self._layers)]

    @property
    def tried(self) -> list[int]:
        return [len(self._layers) - 1]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """For a pass, they take the place of the modelling code's own."""
        own = zip(self._layers, self._fused, strict=True)
        with torch.cuda.device_of(self._layers[0].self_attn.o_proj.weight), in_place(own):  # type: ignore[no-untyped-call] # where Triton launches
            yield


def going_on(rows: int, vocabulary: int, device: torch.device) -> GoingOn:
    from engine.text.fused.going_on import GoingOn  # here and not above: it imports triton

    return GoingOn(rows, vocabulary, device)


def fused_layers(module: Any, device: torch.device) -> FusedLayers | None:
    """None where the device or one of the layers isn't made for it, or where there is no room for a matrix beside those
    that it is put together from."""
    if device.type != "cuda" or find_spec("triton") is None:
        return None
    layers, turned = module.model.layers, 2 * module.model.rotary_emb.inv_freq.numel()
    if not all(fits(layer, turned) for layer in layers):
        return None
    try:
        return FusedLayers(layers)
    except Exception:
        logger.exception("The layers can't be fused; they run as they are")  # those put together already work too
        return None
    finally:
        release_memory(device)
