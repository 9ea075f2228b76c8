"""What is in a folder that wants to be a model: refuses what is unsafe or what the engine can't run."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.architectures import UnsupportedModel, check_config, context_length
from engine.chat.errors import ChatError
from engine.chat.source import chat_template_of
from engine.store.errors import StoreError
from engine.store.safetensors import check_safetensors
from engine.types import ImageFacts

PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".msgpack"}
CODE = {".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh", ".ipynb"}
KEPT = {".safetensors", ".json", ".jinja", ".txt", ".md", ".model"}
KEPT_NAMES = {"license", "notice", "use_policy"}
MAX_JSON = 32 * 1024 * 1024  # bytes; an index of DeepSeek-V3 has 9 MB, and mixtures of more experts come near 16
DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a checked folder holds."""

    files: tuple[str, ...]
    """Paths to keep, relative and sorted."""
    size: int
    """Bytes of those files."""
    architecture: str
    context_length: int
    """Tokens, prompt and completion together; of a model that draws, of the prompt."""
    dtype: str
    chat_template: str
    """"" for a base model without one."""
    image: ImageFacts | None = None
    """Of a model that draws pictures."""


def check_text_folder(folder: Path) -> ModelFacts:
    """A model that writes: config.json, weights and tokenizer. Raises StoreError with the first reason to refuse."""
    kept = check_plain_files(folder)
    for needed in ("config.json", "tokenizer.json"):
        if needed not in kept:
            raise StoreError(f"There is no {needed} in {folder}; a model needs it beside its weights.")
    config = read_json(folder / "config.json")
    check_code_keys(folder, kept)
    try:
        architecture, length = check_config(config), context_length(config)
        template = chat_template_of(folder)
    except (UnsupportedModel, ChatError) as error:
        raise StoreError(str(error)) from error
    dtype = check_weights(folder, kept)
    size = sum((folder / path).stat().st_size for path in kept)
    return ModelFacts(kept, size, architecture, length, dtype, template)


def check_plain_files(folder: Path, *, nested: bool = False) -> tuple[str, ...]:
    """Paths of files that may belong to a model, relative and sorted. Raises StoreError for links, pickles, code.

    nested: whether those one folder deeper may, too.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise StoreError(f"There is no folder {folder}; give the folder that holds config.json.")
    return tuple(sorted(path for path in _files(folder) if _keep(path, 2 if nested else 1)))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from an untrusted file. Raises StoreError."""
    if path.stat().st_size > MAX_JSON:
        raise StoreError(f"{path.name} is larger than the {MAX_JSON // 1024 // 1024} MiB that it may have.")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path.name} is not readable as JSON.") from error
    if not isinstance(found, dict):
        raise StoreError(f"{path.name} must hold a JSON object.")
    return found


def check_relative(path: str) -> str:
    """`path` itself. Raises StoreError where it could lead out of the folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or "\0" in path or ".." in parts or ":" in parts[0]:
        raise StoreError(f"The path {path[:200]!r} leads out of the model's folder, which is not allowed.")
    return path


def _files(folder: Path) -> Iterator[str]:
    """Every file below `folder`; links and devices are refused, hidden files (.git, .cache …) skipped."""
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*folders, *names]:
            path = Path(here, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise StoreError(
                    f"{path.relative_to(folder)} is a link or device; a model's folder may hold plain files only. "
                    "Copy the files themselves (cp -L)."
                )
        yield from (Path(here, name).relative_to(folder).as_posix() for name in names if not name.startswith("."))


def _keep(path: str, depth: int) -> bool:
    """Whether the file belongs to the model. Raises StoreError for what may not even lie beside it."""
    name = PurePosixPath(path)
    suffix = name.suffix.lower()
    if suffix in PICKLES:
        raise StoreError(
            f"{path} may hold pickled weights, which can run code when they are opened. "
            "Only safetensors are allowed: convert the weights, or remove this file if *.safetensors lie beside it."
        )
    if suffix in CODE:
        raise StoreError(f"{path} is program code, which never comes with a model here. Use a model that needs none.")
    return len(name.parts) <= depth and (suffix in KEPT or name.stem.lower() in KEPT_NAMES)


def check_code_keys(folder: Path, kept: tuple[str, ...]) -> None:
    """Raises StoreError where a configuration asks for code."""
    for path in kept:
        if path.endswith("config.json") and read_json(folder / path).get("auto_map"):
            raise StoreError(f"{path} asks for program code of its own (“auto_map”), which never runs here.")


def check_weights(folder: Path, kept: tuple[str, ...]) -> str:
    """The dtype that most of the weights have. Raises StoreError."""
    files = [path for path in kept if path.endswith(".safetensors")]
    if not files:
        raise StoreError(f"There are no *.safetensors in {folder}; only this format of weights is allowed.")
    for index in (path for path in kept if path.endswith(".safetensors.index.json")):
        _check_index(read_json(folder / index).get("weight_map"), index, files)
    found = sum((check_safetensors(folder / path) for path in files), Counter[str]())
    most = found.most_common(1)[0][0]
    if most not in DTYPES:
        raise StoreError(f"The weights are of type {most}; allowed are {', '.join(sorted(DTYPES.values()))}.")
    return DTYPES[most]


def _check_index(weight_map: Any, index: str, files: list[str]) -> None:
    if not isinstance(weight_map, dict) or not all(isinstance(path, str) for path in weight_map.values()):
        raise StoreError(f"{index} has no readable list of weights.")
    for path in set(weight_map.values()):
        if check_relative(path) not in files:
            raise StoreError(f"{index} names {path}, which is missing; the download or copy is not complete.")
