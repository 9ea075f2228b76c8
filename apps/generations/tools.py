"""Functions that a model may call: how they are declared, and what is wrong with a declaration.

The field's own notation: a list of `{"type": "function", "function": {"name", "description", "parameters"}}`, where the
parameters are a JSON Schema. It is kept as the text that was written, so that people find theirs again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from apps.catalog.chat import takes_tools
from apps.catalog.models import ModelVersion
from apps.generations.errors import Refused
from apps.generations.json_text import check_depth, read_json
from apps.generations.schemas import wrong_schema

TOOLS = "tools"
MAX_TOOLS = 32
MAX_TOOLS_CHARS = 20_000
MAX_DESCRIPTION = 2_000
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON can spell and no tokenizer reads."""
FORM = '{"type": "function", "function": {"name": …, "description": …, "parameters": {…}}}'


def clean_tools(text: str) -> str | None:
    """The text as it is; None where it declares nothing. Raises ValueError with a sentence."""
    if not text.strip():
        return None
    tools = read_json(text, "The list of tools", parse_float=_finite)
    if not isinstance(tools, list):
        raise ValueError(f"Tools are a list: it begins with “[”, and each of its members is {FORM}.")
    if len(tools) > MAX_TOOLS:
        raise ValueError(f"These are {len(tools)} tools; up to {MAX_TOOLS} are allowed.")
    check_depth(tools, "The list of tools")
    if HALF.search(json.dumps(tools, ensure_ascii=False)):
        raise ValueError("The list of tools holds half a character (\\ud800 to \\udfff); write both halves, or none.")
    seen: set[str] = set()
    for number, tool in enumerate(tools, 1):
        name = _checked(number, tool)
        if name in seen:
            raise ValueError(f"Two tools are called “{name}”. Give each a name of its own.")
        seen.add(name)
    return text if tools else None


def tools_of(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a conversation or a job, as templates and other servers take them. Older jobs have none."""
    text = params.get(TOOLS)
    return [tool | {"function": _filled(tool["function"])} for tool in (json.loads(text) if text else [])]


def tool_names(params: Mapping[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in tools_of(params)]


def refuse_tools(version: ModelVersion, params: Mapping[str, Any]) -> None:
    """Where the model can't be told of the tools. They are never left out: it would answer as if there were none.
    Raises Refused."""
    if not params.get(TOOLS) or takes_tools(version):
        return
    message = (
        f"{version.hosted_model} can't be told of tools: its chat template knows none. "
        "Remove the tools in the settings, or choose another model."
    )
    raise Refused(status=422, code="tools", message=message)


def _filled(function: dict[str, Any]) -> dict[str, Any]:
    """With what may be left out, but is looked for by some templates."""
    usual = {"description": "", "parameters": {"type": "object", "properties": {}}}
    return function | {name: value for name, value in usual.items() if not function.get(name)}


def _finite(number: str) -> float:
    if math.isinf(found := float(number)):
        raise ValueError(f"{number[:40]} is too large a number")
    return found


def _checked(number: int, tool: object) -> str:
    """The name of a good one."""
    if not isinstance(tool, dict) or tool.get("type") != "function" or not isinstance(tool.get("function"), dict):
        raise ValueError(f"Tool {number} must have the form {FORM}.")
    name = tool["function"].get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"Tool {number} needs a name of 1 to 64 letters, digits, “_” and “-”.")
    if wrong := next(_wrong_function(tool["function"]), ""):
        raise ValueError(f"Tool “{name}”: {wrong}")
    return name


def _wrong_function(function: Mapping[str, Any]) -> Iterator[str]:
    description, parameters = function.get("description", ""), function.get("parameters", {})
    if not isinstance(description, str):
        yield "its description must be text."
    elif len(description) > MAX_DESCRIPTION:
        yield f"its description has {len(description):,} characters; up to {MAX_DESCRIPTION:,} are allowed."
    if not isinstance(parameters, dict):
        yield 'its parameters are a JSON schema, as in {"type": "object", "properties": {…}}.'
    elif parameters and parameters.get("type") != "object":
        yield 'the type of its parameters must be "object".'
    elif wrong := wrong_schema(parameters, "parameters"):
        yield wrong
