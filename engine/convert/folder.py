"""A GGUF file written out as a folder that the engine loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.convert.config import generation_config, model_config
from engine.convert.gguf_file import GgufFile
from engine.convert.process import ConversionError
from engine.convert.shapes import check_shapes
from engine.convert.tokenizer import make_tokenizer, tokenizer_config
from engine.convert.weights import write_weights


def write_folder(source: Path, target: Path) -> None:
    """Configuration, tokenizer, chat template and weights. Raises ConversionError."""
    try:
        _write(GgufFile(source), target)
    except ConversionError:
        raise
    except MemoryError as error:
        raise ConversionError("it takes far more memory than a model of its size.") from error
    except Exception as error:  # what a damaged file makes the libraries raise: UnicodeDecodeError, ZeroDivisionError …
        raise ConversionError(f"it is damaged or contradicts itself ({str(error)[:200]}).") from error


def _write(gguf: GgufFile, target: Path) -> None:
    config = model_config(gguf)
    check_shapes(gguf, config)
    tokenizer = make_tokenizer(gguf)
    target.mkdir(parents=True)
    _write_json(target / "config.json", config)
    _write_json(target / "generation_config.json", generation_config(config))
    _write_json(target / "tokenizer_config.json", tokenizer_config(gguf))
    tokenizer.save(str(target / "tokenizer.json"))
    if template := gguf.value("tokenizer.chat_template"):
        (target / "chat_template.jinja").write_text(str(template), encoding="utf-8")
    write_weights(gguf, target)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    kept = {key: item for key, item in value.items() if item is not None}
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
