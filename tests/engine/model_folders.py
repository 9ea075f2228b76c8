"""Small folders that look like models, made without torch, for tests of the model store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engine.chat_models import CHATML, byte_level, write_chat_folder

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "max_position_embeddings": 128,
    "eos_token_id": 1,
}
CARD = "---\nlicense: apache-2.0\n---\n# Tiny\n\nA tiny model.\n"


def safetensors(tensors: dict[str, Any] | None = None, data: bytes = b"\x01" * 8, header: bytes | None = None) -> bytes:
    """A file in the format, with whatever header a test wants."""
    tensors = {"a": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}} if tensors is None else tensors
    written = json.dumps(tensors).encode() if header is None else header
    return len(written).to_bytes(8, "little") + written + data


def make_folder(folder: Path, *, template: str = CHATML, weights: bytes | None = None, **config: Any) -> Path:
    """A folder that is accepted, unless what is given makes it worse."""
    write_chat_folder(folder, byte_level(), template)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "model.safetensors").write_bytes(safetensors() if weights is None else weights)
    (folder / "README.md").write_text(CARD)
    return folder
