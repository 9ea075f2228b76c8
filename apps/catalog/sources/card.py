"""A model card: README.md with a front matter in YAML, as the hub has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from apps.catalog.licences import UNKNOWN, link_of, spdx_id
from apps.lib.foreign_yaml import read_yaml

MAX_CARD = 256 * 1024  # characters
MAX_FRONT = 64 * 1024
MAX_NAME = 300
FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Card:
    text: str = ""
    license_id: str = UNKNOWN
    license_link: str = ""
    base_name: str = ""
    """Of an adapter, what it was trained on, as its author wrote it."""


def read_card(folder: Path) -> Card:
    """The card of a folder; an empty one where there is none or it can't be read."""
    path = folder / "README.md"
    if not path.is_file() or path.is_symlink():
        return Card()
    with path.open(encoding="utf-8", errors="replace") as opened:
        raw = opened.read(MAX_CARD).replace("\0", "")
    match = FRONT.match(raw)
    front = _front(match[1]) if match else {}
    license_id = _license(front)
    link = str(front.get("license_link") or "")
    link = link if link.startswith("https://") and len(link) <= 200 and link.isprintable() else link_of(license_id)
    return Card(raw[match.end() :].strip() if match else raw.strip(), license_id, link, _base(front))


def _base(front: dict[str, Any]) -> str:
    """Where one is named; with several, none is meant more than the others."""
    named = front.get("base_model")
    named = named[0] if isinstance(named, list) and len(named) == 1 else named
    return named if isinstance(named, str) and len(named) <= MAX_NAME and named.isprintable() else ""


def _license(front: dict[str, Any]) -> str:
    named = front.get("license")
    named = named[0] if isinstance(named, list) and named else named
    if named == "other":
        named = front.get("license_name") or "other"
    return spdx_id(named) if isinstance(named, str) else UNKNOWN


def _front(text: str) -> dict[str, Any]:
    if len(text) > MAX_FRONT:
        return {}
    try:
        found = read_yaml(text)
    except (yaml.YAMLError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
