"""How the folder of an adapter for pictures is told from others: nothing in it says what it is."""

from __future__ import annotations

from pathlib import Path

from engine.pipelines import INDEX

OF_OTHERS = ("config.json", "tokenizer.json", "adapter_config.json", INDEX)
"""What a folder of anything else has beside its weights."""


def is_lora(folder: Path) -> bool:
    """Whether weights lie there and nothing that says what they belong to."""
    return any(folder.glob("*.safetensors")) and not any((folder / name).exists() for name in OF_OTHERS)
