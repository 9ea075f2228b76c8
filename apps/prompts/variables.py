"""The variables of a prompt: what may be declared, and turning what was filled in into texts for the template."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from apps.prompts.cleaning import clean_text, one_line
from apps.prompts.templating import NAME

TYPES = {
    "string": "One line",
    "text": "Several lines",
    "number": "A number",
    "choice": "One of a list",
    "boolean": "Yes or no",
}
MAX_VARIABLES = 30
MAX_CHOICES = 50
MAX_CHOICE_CHARS = 200
MAX_LABEL_CHARS = 80
MAX_HELP_CHARS = 280
MAX_VALUE_CHARS = 50_000
FIELDS = {"name", "type", "label", "help", "default", "choices", "required"}

Variable = dict[str, Any]


def clean_variables(raw: object, used: Iterable[str] = ()) -> list[Variable]:
    """Checked declarations in their order; names in `used` that nobody declared become variables of one line.

    Raises ValidationError with a sentence.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise ValidationError("Variables must be a list.")
    used = list(used)
    if len(raw) > MAX_VARIABLES or len(used) > MAX_VARIABLES:
        raise ValidationError(f"A prompt has at most {MAX_VARIABLES} variables.")
    found = {each["name"]: each for each in map(_variable, raw)}
    if len(found) < len(raw):
        raise ValidationError("Two variables have the same name. Give each a name of its own.")
    for name in used:
        found.setdefault(name, _variable({"name": name}))
    if len(found) > MAX_VARIABLES:
        raise ValidationError(f"A prompt has at most {MAX_VARIABLES} variables.")
    return list(found.values())


def _variable(raw: object) -> Variable:
    if not isinstance(raw, Mapping) or not set(raw) <= FIELDS:
        raise ValidationError(f"A variable has these fields: {', '.join(sorted(FIELDS))}.")
    name = str(raw.get("name", "")).strip()
    if not NAME.fullmatch(name):
        raise ValidationError(f"“{name[:40]}” can't be the name of a variable: letters, digits and _, no digit first.")
    kind = raw.get("type") or "string"
    if kind not in TYPES:
        raise ValidationError(f"“{name}”: its type must be one of {', '.join(TYPES)}.")
    choices = _choices(name, raw.get("choices")) if kind == "choice" else []
    variable: Variable = {
        "name": name,
        "type": kind,
        "label": one_line(raw.get("label"), MAX_LABEL_CHARS, f"The label of “{name}”"),
        "help": one_line(raw.get("help"), MAX_HELP_CHARS, f"The help of “{name}”"),
        "choices": choices,
        "required": raw.get("required", True) is not False,
        "default": "",
    }
    default = raw.get("default")
    if default not in (None, ""):
        variable["default"] = clean_value(variable, default)
    elif kind == "boolean":
        variable["default"] = "no"
    return variable


def _choices(name: str, raw: object) -> list[str]:
    choices = (
        [one_line(each, MAX_CHOICE_CHARS, f"A choice of “{name}”") for each in raw] if isinstance(raw, list) else []
    )
    choices = [each for each in dict.fromkeys(choices) if each]
    if not 1 <= len(choices) <= MAX_CHOICES:
        raise ValidationError(f"“{name}” needs 1 to {MAX_CHOICES} choices.")
    return choices


def clean_values(variables: Sequence[Variable], raw: Mapping[str, Any]) -> dict[str, str]:
    """A text for every variable: what was filled in, else its default. What no variable asks for is left out.

    Raises ValidationError with a sentence for each variable that is wrong, by its name.
    """
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for variable in variables:
        given = raw.get(variable["name"])
        try:
            if given is None or given == "":
                values[variable["name"]] = _absent(variable)
            else:
                values[variable["name"]] = clean_value(variable, given)
        except ValidationError as error:
            wrong[variable["name"]] = error.messages[0]
    if wrong:
        raise ValidationError(wrong)
    return values


def clean_value(variable: Variable, given: Any) -> str:
    """`given` as text, of the variable's type. Raises ValidationError with a sentence."""
    label = f"“{variable['label'] or variable['name']}”"
    if variable["type"] == "boolean":
        return _yes_or_no(label, given)
    if not isinstance(given, str | int | float) or isinstance(given, bool):
        raise ValidationError(f"{label} must be text.")
    if variable["type"] == "text":
        return clean_text(str(given), MAX_VALUE_CHARS, label)
    if variable["type"] == "number":
        return _number(label, str(given).strip())
    text = one_line(str(given), MAX_VALUE_CHARS, label)
    if variable["type"] == "choice" and text not in variable["choices"]:
        raise ValidationError(f"{label} must be one of its choices.")
    return text


def _absent(variable: Variable) -> str:
    if variable["default"] == "" and variable["required"]:
        raise ValidationError(f"Fill in “{variable['label'] or variable['name']}”.")
    return str(variable["default"])


def _yes_or_no(label: str, given: Any) -> str:
    known = {"yes": "yes", "true": "yes", "on": "yes", "1": "yes", "no": "no", "false": "no", "off": "no", "0": "no"}
    try:
        return known[str(given).strip().lower()]
    except KeyError:
        raise ValidationError(f"{label} must be yes or no.") from None


def _number(label: str, given: str) -> str:
    """As it was written, where it is a number: 1.50 stays 1.50."""
    try:
        if len(given) <= MAX_LABEL_CHARS and given.isascii() and math.isfinite(float(given)):
            return given
    except ValueError:
        pass
    raise ValidationError(f"{label} must be a number.")
