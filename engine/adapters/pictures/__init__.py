"""LoRA adapters of models of pictures: one file of tensors, in the ways of writing that people's files have.

Imports no torch.
"""

from engine.adapters.pictures.blocks import per_block_of
from engine.adapters.pictures.fitting import Fitted, fitted
from engine.adapters.pictures.folder import is_lora
from engine.adapters.pictures.lora import Change, Lora, read_lora
from engine.adapters.pictures.names import Layer, own_name

__all__ = ["Change", "Fitted", "Layer", "Lora", "fitted", "is_lora", "own_name", "per_block_of", "read_lora"]
