"""LoRA adapters of models of pictures: tensors in the ways of writing that people's files have.

Imports no torch.
"""

from engine.adapters.pictures.blocks import per_block_of
from engine.adapters.pictures.fitting import Fitted, fitted
from engine.adapters.pictures.folder import is_lora, parts_in, weights_of
from engine.adapters.pictures.layers import Layer, Rows
from engine.adapters.pictures.lora import Change, Lora, read_lora
from engine.adapters.pictures.names import PARTS, own_name
from engine.adapters.pictures.peft import of_pictures, read_peft

__all__ = [
    "PARTS",
    "Change",
    "Fitted",
    "Layer",
    "Lora",
    "Rows",
    "fitted",
    "is_lora",
    "of_pictures",
    "own_name",
    "parts_in",
    "per_block_of",
    "read_lora",
    "read_peft",
    "weights_of",
]
