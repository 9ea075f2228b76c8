"""A prompt as Markdown with front matter: what is exported and imported. Nothing but plain YAML is read."""

from __future__ import annotations

import re
from typing import Any

import yaml
from django.conf import settings
from django.core.exceptions import ValidationError

from apps.lib.foreign_yaml import ForeignYamlError, read_yaml
from apps.prompts.content import FIELDS, Content
from apps.prompts.models import PromptRevision

MAX_FRONT_CHARS = 100_000
MAX_CHARS = MAX_FRONT_CHARS + 2 * 100_000
FRONT = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
SYSTEM = "<!-- system -->"
USER = "<!-- prompt -->"
ALIASES = {"model": "model_id", "description": "summary", "license": "licence", "name": "title"}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines, such as JSON schemas, stand as they were written where YAML can say them so."""


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def exported(revision: PromptRevision) -> str:
    """Reading it back gives the same content."""
    content = revision.content()
    front = {name: content[name] for name in ("title", "summary", "tags", "licence") if content[name]}
    if content["model_id"]:
        front["model"] = content["model_id"]
    front |= {name: content[name] for name in ("params", "variables") if content[name]}
    system, user = content["system"], content["user"]
    if USER in system:  # what marks the end of the system prompt can't stand in it
        front, system = front | {"system": system}, ""
    head = yaml.dump(front, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    body = f"{SYSTEM}\n{system}\n\n{USER}\n{user}" if system or user.startswith(SYSTEM) else user
    return f"---\n{head}---\n\n{body}\n"


def imported(text: str) -> Content:
    """What `clean_content` takes. Raises ValidationError with a sentence."""
    if len(text) > MAX_CHARS or len(text) > MAX_FRONT_CHARS + 2 * settings.MAX_PROMPT_CHARS:
        raise ValidationError("This file is too large for a prompt.")
    text = text.replace("\r\n", "\n")
    found = FRONT.match(text)
    front = _front(found.group(1)) if found else {}
    body = text[found.end() :] if found else text
    system, user = _bodies(body)
    content = {ALIASES.get(name, name): value for name, value in front.items()}
    if unknown := sorted(set(content) - FIELDS):
        raise ValidationError(f"“{unknown[0][:40]}” in the front matter is not known here.")
    return {"title": _first_line(user)} | content | {"system": system or content.get("system", ""), "user": user}


def _front(text: str) -> dict[str, Any]:
    if len(text) > MAX_FRONT_CHARS:
        raise ValidationError("The front matter is too long.")
    try:
        front = read_yaml(text)
    except ForeignYamlError as error:
        raise ValidationError(f"The front matter {error}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ValidationError("The front matter between the two --- lines is not valid YAML.") from error
    if front is None:
        return {}
    if not isinstance(front, dict) or not all(isinstance(name, str) for name in front):
        raise ValidationError("The front matter must be names and values.")
    return front


def _bodies(body: str) -> tuple[str, str]:
    stripped = body.strip()
    if stripped.startswith(SYSTEM) and f"\n{USER}\n" in stripped + "\n":
        system, _, user = (stripped + "\n").removeprefix(SYSTEM).partition(f"\n{USER}\n")
        return system.strip(), user.strip()
    return "", stripped


def _first_line(text: str) -> str:
    return next((line.lstrip("# ").strip()[:80] for line in text.split("\n") if line.strip()), "")
