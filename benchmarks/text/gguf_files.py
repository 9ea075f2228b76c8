"""Which GGUF files llama.cpp computes with: those that were named, or those of the same model in data/gguf/."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gguf import GGUFReader, LlamaFileType

FOLDER = Path(__file__).parents[2] / "data" / "gguf"
KINDS = {LlamaFileType.MOSTLY_Q4_1: "Q4_1", LlamaFileType.MOSTLY_BF16: "bfloat16"}
"""That are asked for."""
HOW = "docs/benchmarks/text.md tells how to make them"
NOT_INSTALLED = (
    "The package llama-cpp-python isn't installed, so llama.cpp is left out. It needs GGUF files of the model too "
    f"({HOW})."
)


def is_installed() -> bool:
    return find_spec("llama_cpp") is not None


def named_files(model: Path, files: list[Path]) -> list[Path]:
    """Raises ValueError in words where they can't be used."""
    for file in files:
        if not file.is_file():
            raise ValueError(f"There is no file {file}.")
        if why := _other(model, GGUFReader(file)):
            raise ValueError(f"{file} is of another model than {model}: {why}.")
    return files


def found_files(model: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Those of this model in the folder, and in words what is left out and how to have it."""
    files, kinds, left_out = list[Path](), set[int](), list[str]()
    for file in sorted(folder.glob("*.gguf")):
        reader = GGUFReader(file)
        if why := _other(model, reader):
            left_out.append(f"{file} is left out: it is of another model than {model}, {why}.")
        else:
            files.append(file)
            kinds.add(_told(reader, "general.file_type"))
    if missing := " and ".join(name for kind, name in KINDS.items() if kind not in kinds):
        left_out.append(f"llama.cpp with {missing} is left out: put such files into {folder}, or name them ({HOW}).")
    return files, left_out


def _other(model: Path, reader: GGUFReader) -> str:
    """What tells that the file is of another one, or nothing."""
    kind, settings = _told(reader, "general.architecture"), json.loads((model / "config.json").read_text())
    sizes = {
        "layers": (_told(reader, f"{kind}.block_count"), settings.get("num_hidden_layers")),
        "width": (_told(reader, f"{kind}.embedding_length"), settings.get("hidden_size")),
        "tokens": (len(_told(reader, "tokenizer.ggml.tokens") or ()), settings.get("vocab_size")),
    }
    return ", ".join(f"{theirs} {name} and not {ours}" for name, (theirs, ours) in sizes.items() if theirs != ours)


def _told(reader: GGUFReader, name: str) -> Any:
    field = reader.get_field(name)
    return field.contents() if field else None
