"""What a revision says, checked: the one door for the editor, for imports, for forks and for programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from apps.generations.demanding import CHOICE
from apps.generations.formats import without_unused
from apps.generations.params import CERTAINTY, DEFAULTS, FORMAT_NAMES, clean_params
from apps.generations.tools import TOOLS
from apps.prompts.cleaning import clean_text, one_line
from apps.prompts.models.prompt import INDEXED_CHARS, MAX_SUMMARY_CHARS, MAX_TITLE_CHARS
from apps.prompts.templating import TemplateError, names
from apps.prompts.variables import Variable, clean_variables

MAX_TAGS = 8
MAX_TAG_CHARS = 32
NOT_IN_TAGS = re.compile(r"[^\w+#.-]+")
LICENCES = {
    "": "Not said",
    "CC0-1.0": "CC0 1.0: do what you like",
    "CC-BY-4.0": "CC BY 4.0: name the author",
    "CC-BY-SA-4.0": "CC BY-SA 4.0: name the author, share alike",
    "MIT": "MIT",
    "Apache-2.0": "Apache 2.0",
}
NOT_KEPT = (CERTAINTY, TOOLS, CHOICE)
"""Parameters of a conversation that no prompt carries."""
FIELDS = {"title", "summary", "system", "user", "variables", "model_id", "params", "tags", "licence"}

Content = dict[str, Any]


def clean_content(raw: Mapping[str, Any]) -> Content:
    """All FIELDS. Raises ValidationError with a sentence for each field that is wrong."""
    checks: dict[str, Callable[[], Any]] = {
        "title": lambda: _title(raw.get("title")),
        "summary": lambda: one_line(raw.get("summary"), MAX_SUMMARY_CHARS, "The summary"),
        "system": lambda: _template(raw.get("system"), "The system prompt"),
        "user": lambda: _filled(_template(raw.get("user"), "The prompt")),
        "model_id": lambda: one_line(raw.get("model_id"), 80, "The model"),
        "params": lambda: _params(raw.get("params")),
        "tags": lambda: clean_tags(raw.get("tags")),
        "licence": lambda: _licence(raw.get("licence")),
    }
    content: Content = {}
    wrong: dict[str, list[str]] = {}
    for name, check in checks.items():
        try:
            content[name] = check()
        except ValidationError as error:
            wrong |= _by_field(name, error)
    if not {"system", "user"} & set(wrong):
        try:
            content["variables"] = _variables(raw.get("variables"), content["system"], content["user"])
        except ValidationError as error:
            wrong["variables"] = error.messages
    if wrong:
        raise ValidationError(wrong)
    return content


def head_fields(content: Content) -> dict[str, Any]:
    """What the prompt itself repeats of its latest revision."""
    body = "\n".join([" ".join(content["tags"]), content["user"], content["system"]])
    return {name: content[name] for name in ("title", "summary", "tags")} | {"body": body[:INDEXED_CHARS]}


def clean_tags(raw: object) -> list[str]:
    """Lower case, each once; from a list, or from a text with commas."""
    given = raw.split(",") if isinstance(raw, str) else raw
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        raise ValidationError("Tags must be a list.")
    tags = [NOT_IN_TAGS.sub("-", one_line(each, 200, "A tag").lower().lstrip("#")).strip("-") for each in given]
    tags = [tag for tag in dict.fromkeys(tags) if tag]
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"Up to {MAX_TAGS} tags are allowed; these are {len(tags)}.")
    if long := [tag for tag in tags if len(tag) > MAX_TAG_CHARS]:
        raise ValidationError(f"“{long[0][:40]}…” is too long for a tag: up to {MAX_TAG_CHARS} characters.")
    return tags


def _title(raw: object) -> str:
    title = one_line(raw, MAX_TITLE_CHARS, "The title")
    if not title:
        raise ValidationError("Give the prompt a title.")
    return title


def _template(raw: object, noun: str) -> str:
    text = clean_text(raw, settings.MAX_PROMPT_CHARS, noun)
    try:
        names(text)
    except TemplateError as error:
        raise ValidationError([str(problem) for problem in error.problems]) from error
    return text


def _filled(text: str) -> str:
    if not text:
        raise ValidationError("Write the prompt itself: it is empty.")
    return text


def _variables(raw: object, *templates: str) -> list[Variable]:
    """Those that the templates use: nobody is asked to fill in what goes nowhere."""
    used = dict.fromkeys(name for template in templates for name in names(template))
    return [each for each in clean_variables(raw or [], used) if each["name"] in used]


def _by_field(name: str, error: ValidationError) -> dict[str, list[str]]:
    """What is wrong with an answer format is said at its own field, of other parameters at all of them."""
    if not hasattr(error, "error_dict"):
        return {name: error.messages}
    wrong: dict[str, list[str]] = {}
    for parameter, sentences in error.message_dict.items():
        wrong.setdefault(parameter if parameter in FORMAT_NAMES else name, []).extend(sentences)
    return wrong


def _params(raw: object) -> dict[str, Any]:
    """Those that were set, within their bounds; neither what is only shown, nor tools, nor texts of formats that
    weren't chosen."""
    if raw in (None, ""):
        return {}
    if not isinstance(raw, Mapping):
        raise ValidationError("Parameters must be a list of names and values.")
    given = {name: value for name, value in raw.items() if value not in (None, "", []) and name not in NOT_KEPT}
    cleaned = without_unused(clean_params(given, DEFAULTS))
    return {name: cleaned[name] for name in given if cleaned[name] is not None}


def _licence(raw: object) -> str:
    licence = one_line(raw, 40, "The licence")
    if licence not in LICENCES:
        raise ValidationError(f"The licence must be one of {', '.join(filter(None, LICENCES))}.")
    return licence
