"""Reading the chat template and the names of special tokens from a model's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.chat.errors import ChatError

MAX_TEMPLATE = 256 * 1024  # characters; the longest in use is about 40,000
MAX_JSON = 16 * 1024 * 1024  # bytes, of the settings of a tokenizer
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def chat_template_of(folder: Path) -> str:
    """The Jinja source: from chat_template.jinja, else tokenizer_config.json; "" for a model without one."""
    separate = folder / "chat_template.jinja"
    if separate.is_file():
        if separate.stat().st_size > 4 * MAX_TEMPLATE:
            raise ChatError("The chat template is too long.")
        return _checked(separate.read_text(encoding="utf-8", errors="replace"))
    return _checked(_default(_read(folder / "tokenizer_config.json").get("chat_template")))


def special_tokens_of(folder: Path) -> dict[str, str]:
    """What a template knows as `bos_token`, `eos_token` and so on."""
    found = _read(folder / "special_tokens_map.json") | _read(folder / "tokenizer_config.json")
    named = {name: _text(found.get(name)) for name in NAMED}
    return {name: text for name, text in named.items() if text is not None}


def _default(template: Any) -> Any:
    """Some models bring several by name; `default` is for chats."""
    if not isinstance(template, list):
        return template or ""
    named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
    return named.get("default", "")


def _checked(template: Any) -> str:
    if not isinstance(template, str):
        raise ChatError("The chat template is not a text.")
    if len(template) > MAX_TEMPLATE:
        raise ChatError(f"The chat template is {len(template)} characters long; the most allowed is {MAX_TEMPLATE}.")
    if "\0" in template or any("\ud800" <= letter <= "\udfff" for letter in template):
        raise ChatError("The chat template holds characters that no text may have (NUL, or half of a pair).")
    return template


def _text(token: Any) -> str | None:
    """A token is written as a string, or as an object with `content`."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _read(path: Path) -> dict[str, Any]:
    if path.is_file() and path.stat().st_size > MAX_JSON:
        raise ChatError(f"{path.name} is larger than the {MAX_JSON // 1024 // 1024} MiB that it may have.")
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise ChatError(f"{path.name} is not readable as JSON.") from error
    return found if isinstance(found, dict) else {}
