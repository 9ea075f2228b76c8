"""How the folder of an adapter for pictures is told from others: nothing in it says what it is."""

from __future__ import annotations

from pathlib import Path

from engine.adapters import CONFIG, WEIGHTS
from engine.adapters.pictures.names import PARTS
from engine.pipelines import INDEX

OF_OTHERS = ("config.json", "tokenizer.json", CONFIG, INDEX)
"""What a folder of anything else has beside its weights."""


def is_lora(folder: Path) -> bool:
    """Whether weights lie there, or PEFT's folders of parts, and nothing that says what they belong to."""
    if any((folder / name).exists() for name in OF_OTHERS):
        return False
    return any(folder.glob("*.safetensors")) or bool(parts_in(folder))


def parts_in(folder: Path) -> tuple[str, ...]:
    """The parts of a pipeline for which PEFT's folders lie there, one named like each."""
    return tuple(part for part in PARTS if (folder / part / CONFIG).is_file())


def weights_of(folder: Path, part: str) -> Path:
    """The file with the tensors of this part. Raises OSError where there is none."""
    if part in parts_in(folder):
        return folder / part / WEIGHTS
    found = next(folder.glob("*.safetensors"), None)
    if found is None:
        raise FileNotFoundError(f"there are no weights of {part}")
    return found
