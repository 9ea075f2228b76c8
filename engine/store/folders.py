"""What is in a folder that wants to be a model, of texts or of pictures. Looks at everything and loads nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.architectures import UnsupportedModel
from engine.chat.errors import ChatError
from engine.chat.source import chat_template_of
from engine.chat.template import ChatTemplate
from engine.janus.folder import ARCHITECTURE, is_janus, read_janus
from engine.pipelines import INDEX, PipelineFolder, is_pipeline, is_variant, read_pipeline
from engine.store.checks import (
    ModelFacts,
    check_code_keys,
    check_plain_files,
    check_text_folder,
    check_weights,
)
from engine.store.errors import StoreError

JANUS_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
TOKENIZERS = ("tokenizer.json", "vocab.json", "spiece.model", "vocab.txt")
"""A tokenizer is one of these; vocab.json has merges.txt beside it."""


def check_folder(folder: Path) -> ModelFacts:
    """Raises StoreError with the first reason to refuse."""
    if is_pipeline(folder):
        return check_pipeline(folder)
    return check_janus(folder) if is_janus(folder) else check_text_folder(folder)


def check_janus(folder: Path) -> ModelFacts:
    """One that sees, writes and draws. Raises StoreError."""
    kept = check_plain_files(folder)
    for needed in JANUS_FILES:
        if needed not in kept:
            raise StoreError(f"There is no {needed} in {folder}; a Janus needs it beside its weights.")
    check_code_keys(folder, kept)
    try:
        read, template = read_janus(folder), chat_template_of(folder)
    except (UnsupportedModel, ChatError, OSError) as error:
        raise StoreError(str(error)) from error
    if not template:
        raise StoreError("It has no chat template, without which a Janus can't be told what to draw.")
    size = sum((folder / path).stat().st_size for path in kept)
    dtype = check_weights(folder, kept)
    return ModelFacts(kept, size, ARCHITECTURE, read.context_length, dtype, template, image=read.facts)


def check_pipeline(folder: Path) -> ModelFacts:
    """Of a pipeline, only the parts that are loaded are kept, and what lies beside model_index.json."""
    present = check_plain_files(folder, nested=True)
    try:
        read = read_pipeline(folder)
        if read.kind.chats:
            _check_template(chat_template_of(folder / "tokenizer"))
    except (UnsupportedModel, ChatError, OSError) as error:
        raise StoreError(str(error)) from error
    kept = tuple(path for path in present if _belongs(path, read))
    check_code_keys(folder, kept)
    dtypes = sum((_check_part(folder, part, kept) for part in read.parts), Counter[str]())
    size = sum((folder / path).stat().st_size for path in kept)
    return ModelFacts(
        kept, size, read.kind.pipeline, read.facts.prompt_tokens, dtypes.most_common(1)[0][0], "", image=read.facts
    )


def _check_template(source: str) -> None:
    """Raises StoreError, or ChatError."""
    if not source:
        raise StoreError("Its tokenizer has no chat template, into which this pipeline puts the prompt.")
    ChatTemplate(source, {})


def _belongs(path: str, read: PipelineFolder) -> bool:
    part, below, _ = path.partition("/")
    if not below:
        return path == INDEX or not path.endswith((".safetensors", ".json"))  # not the same weights in one file
    return part in read.parts and not is_variant(path)


def _check_part(folder: Path, part: str, kept: tuple[str, ...]) -> Counter[str]:
    """One that nothing is wrong with; of one with weights, their dtype by its bytes."""
    own = [path for path in kept if path.startswith(f"{part}/")]
    if part.startswith("tokenizer"):
        if not any(f"{part}/{name}" in own for name in TOKENIZERS):
            raise StoreError(f"There is no tokenizer in {part}: one of {', '.join(TOKENIZERS)}.")
        return Counter()
    if part == "scheduler":
        return Counter()
    dtype = check_weights(folder / part, tuple(path.partition("/")[2] for path in own))
    return Counter({dtype: sum((folder / path).stat().st_size for path in own)})
