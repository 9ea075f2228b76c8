"""The adapter of a network that draws, or of what reads its prompts, as PEFT saves it: the tensors in one file, what
they mean in another."""

from __future__ import annotations

from collections.abc import Iterable

from engine.adapters.config import AdapterConfig, UnsupportedAdapter
from engine.adapters.pairs import NAME, check_type
from engine.adapters.pictures.lora import Lora, Tensors, change_of
from engine.adapters.pictures.names import NETWORKS, PEFT
from engine.adapters.pictures.originals import ROOTS as BLOCKS_OF_MAKERS

ROOTS = frozenset({
    "down_blocks", "mid_block", "up_blocks", "conv_in", "conv_out", "time_embedding", "add_embedding",
    "transformer_blocks", "single_transformer_blocks", "time_text_embed", "x_embedder", "context_embedder", "pos_embed",
    "norm_out", "proj_out",
})  # fmt: skip
"""How the names of layers begin in diffusers' networks. In those that write none does."""


def of_pictures(names: Iterable[str]) -> bool:
    """names: of the tensors in PEFT's file. Whether any is of a network that draws."""
    layers = [name.removeprefix(PEFT) for name in names]
    return any(layer.partition(".")[0] in ROOTS or layer.startswith(BLOCKS_OF_MAKERS) for layer in layers)


def read_peft(tensors: Tensors, config: AdapterConfig, part: str = "") -> Lora:
    """part: of the pipeline, where it is known; otherwise the network, whose names of layers are like no other's.

    Raises UnsupportedAdapter with a whole sentence.
    """
    root = f"{part}." if part else PEFT
    found: dict[str, dict[str, str]] = {}
    for name, (dtype, _) in tensors.items():
        parsed = NAME.fullmatch(name)
        if parsed is None:
            raise UnsupportedAdapter(
                f"The adapter holds “{name[:120]}”; only lora_A and lora_B of linear layers and convolutions are "
                "supported (no embeddings, no biases, no DoRA, no whole layers)."
            )
        check_type(name, dtype)
        found.setdefault(root + parsed["layer"], {})["down" if parsed["half"] == "A" else "up"] = name
    if not found:
        raise UnsupportedAdapter("The adapter holds no tensors.")
    changes = {layer: change_of(layer, names, tensors) for layer, names in found.items()}
    return Lora(changes, dict.fromkeys((part,) if part else NETWORKS, config))
