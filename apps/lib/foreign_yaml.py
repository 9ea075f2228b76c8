"""YAML that anybody may have written."""

from __future__ import annotations

from typing import Any

import yaml

MOST_LEVELS = 20
"""Of lists and names in each other; a parser calls itself for each."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ForeignYamlError(yaml.YAMLError):
    """Says what the text has that isn't read here, as the end of a sentence."""


def read_yaml(text: str) -> Any:
    """Plain values only. Raises ForeignYamlError, yaml.YAMLError and, for dates that aren't any, ValueError."""
    _refuse_what_grows(text)
    return yaml.load(text, _Loader)  # noqa: S506  (it is a SafeLoader)


def _refuse_what_grows(text: str) -> None:
    """Before any value is made: nine lines of aliases can stand for a billion of them."""
    level = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ForeignYamlError("uses aliases, which are not read here")
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise ForeignYamlError(f"has more than {MOST_LEVELS} levels")
