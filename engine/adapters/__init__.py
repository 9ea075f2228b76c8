"""LoRA adapters as PEFT saves them: what one says of itself, and whether it fits a model. Imports no torch."""

from engine.adapters.config import AdapterConfig, UnsupportedAdapter, read_config
from engine.adapters.pairs import DTYPES, Pair, check_fit, check_type, pairs_of

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""The two files that make a folder an adapter."""

__all__ = [
    "CONFIG",
    "DTYPES",
    "WEIGHTS",
    "AdapterConfig",
    "Pair",
    "UnsupportedAdapter",
    "check_fit",
    "check_type",
    "pairs_of",
    "read_config",
]
