"""LoRA adapters: what one says of itself, and whether it fits a model. Imports no torch."""

from engine.adapters.asking import of_another_model
from engine.adapters.config import AdapterConfig, UnsupportedAdapter, read_config
from engine.adapters.pairs import DTYPES, Pair, check_fit, check_type, pairs_of

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""The two files of one, as PEFT saves it. Those for pictures may be a single file too: see engine.adapters.pictures."""

__all__ = [
    "CONFIG",
    "DTYPES",
    "WEIGHTS",
    "AdapterConfig",
    "Pair",
    "UnsupportedAdapter",
    "check_fit",
    "check_type",
    "of_another_model",
    "pairs_of",
    "read_config",
]
