"""The sampling parameters that people may set, with their bounds and what they do. Imports no torch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from django.core.exceptions import ValidationError

from apps.generations.demanding import CHOICE
from apps.generations.formats import FORMAT, FORMATS, MAX_REGEX_CHARS, MAX_SCHEMA_CHARS, REGEX, SCHEMA, wrong_format
from apps.generations.tools import MAX_TOOLS_CHARS, TOOLS, clean_tools
from apps.generations.words import BIAS, MAX_WORD_CHARS, MAX_WORDS, MOST, WORDS

MAX_STOPS = 4
MAX_STOP_CHARS = 64
MAX_SEED = 2**32 - 1

NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What no text of ours may hold: the database refuses it."""

EFFORT = "reasoning_effort"
EFFORTS = ("low", "medium", "high")

CERTAINTY = "certainty"
"""Whether to keep how probable each token of the answer was."""

Kind = Literal["number", "integer", "strings", "choice", "text", "flag", "weights", "tools"]
Value = float | int | str | list[str] | dict[str, float] | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """`kind` is `number`, `integer`, `strings`, `choice`, `flag`, `weights` (numbers by words), `text` or
    `tools` (declared in JSON), whose `maximum` is one of characters; a default of None means: not set."""

    name: str
    label: str
    help: str
    kind: Kind
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    default: Any = None
    choices: tuple[str, ...] = ()


PARAMETERS = (
    Parameter(
        "temperature",
        "Temperature",
        "How adventurous the choice of words is. 0 always takes the likeliest one; above 1 it gets wild.",
        "number", 0, 2, 0.05, 0.7,
    ),
    Parameter(
        "top_p",
        "Top-p",
        "Choose among the likeliest words that together reach this share. 1 leaves all of them in.",
        "number", 0.01, 1, 0.01, 0.95,
    ),
    Parameter(
        "top_k",
        "Top-k",
        "Choose among this many of the likeliest words. 0 leaves all of them in.",
        "integer", 0, 1000, 1, 0,
    ),
    Parameter(
        "min_p",
        "Min-p",
        "Leave out words that are less likely than this share of the likeliest one. 0 leaves all of them in.",
        "number", 0, 1, 0.01, 0.0,
    ),
    Parameter(
        "repetition_penalty",
        "Repetition penalty",
        "Above 1, words that were used already become less likely. 1 changes nothing.",
        "number", 0.5, 2, 0.01, 1.0,
    ),
    Parameter(
        "presence_penalty",
        "Presence penalty",
        "Above 0, words that the answer used already become less likely, below 0 likelier. 0 changes nothing.",
        "number", -2, 2, 0.05, 0.0,
    ),
    Parameter(
        "frequency_penalty",
        "Frequency penalty",
        "Like the presence penalty, but it grows each time that the answer uses the word again.",
        "number", -2, 2, 0.05, 0.0,
    ),
    Parameter(
        "max_tokens",
        "Longest answer",
        "The answer ends after this many tokens (about ¾ of a word each), or where the context is full.",
        "integer", 1, 32768, 1, 512,
    ),
    Parameter(
        "stop",
        "Stop strings",
        f"The answer ends before the first of these. Up to {MAX_STOPS}, each of up to {MAX_STOP_CHARS} characters.",
        "strings", None, MAX_STOPS, None, (),
    ),
    Parameter(
        "seed",
        "Seed",
        "The same seed with the same prompt and settings gives the same answer, nearly always: other requests computed "
        "beside it can change the rounding of a number. Empty: a new one each time.",
        "integer", 0, MAX_SEED, 1, None,
    ),
    Parameter(
        EFFORT,
        "Reasoning effort",
        "How long the model thinks before it answers. Empty: as its makers set it.",
        "choice", choices=EFFORTS,
    ),
)  # fmt: skip
FORMAT_PARAMETERS = (
    Parameter(
        FORMAT, "Answer format", "What every answer has to look like. Empty: text.", "choice", choices=tuple(FORMATS)
    ),
    Parameter(SCHEMA, "JSON schema", "What is in the JSON.", "text", maximum=MAX_SCHEMA_CHARS),
    Parameter(REGEX, "Regular expression", "What the whole answer matches.", "text", maximum=MAX_REGEX_CHARS),
)
WORD_PARAMETERS = (
    Parameter(WORDS, "Words to avoid or favour", "By how much each becomes likelier.", "weights", -MOST, MOST),
)
TOOL_PARAMETERS = (
    Parameter(TOOLS, "Tools", "Functions that the model may call, as JSON.", "tools", maximum=MAX_TOOLS_CHARS),
    Parameter(
        CHOICE, "Demanded call", "Whether the answer must be a call of a tool, and of which.", "text", maximum=80
    ),
)
SHOWN_PARAMETERS = (
    Parameter(
        CERTAINTY,
        "Show how sure the model was",
        "Keeps how probable each word of an answer was.",
        "flag",
        default=False,
    ),
)
"""What is shown with an answer, and changes nothing of it."""
FORMAT_NAMES = tuple(parameter.name for parameter in FORMAT_PARAMETERS)
BY_NAME: Mapping[str, Parameter] = MappingProxyType(
    {
        parameter.name: parameter
        for parameter in (*PARAMETERS, *WORD_PARAMETERS, *FORMAT_PARAMETERS, *TOOL_PARAMETERS, *SHOWN_PARAMETERS)
    }
)


WRITTEN = tuple(name for name, each in BY_NAME.items() if each.kind in {"strings", "text", "weights", "tools"})
"""Those whose values are people's own words."""


def sampling(params: Mapping[str, Any]) -> dict[str, Any]:
    """Without what belongs to the answer format."""
    return {name: value for name, value in params.items() if name not in FORMAT_NAMES}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


DEFAULTS: Mapping[str, Any] = MappingProxyType({each.name: _plain(each.default) for each in BY_NAME.values()})


def defaults_of(recommended: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults for a model: what its makers recommend, where that is within our bounds, before our own."""
    own = {name: _plain(value) for name, value in DEFAULTS.items()}
    for name, value in recommended.items():
        if (parameter := BY_NAME.get(name)) is not None:
            with suppress(ValueError):
                own[name] = CLEANERS[parameter.kind](parameter, value)
    return own


def without_words(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wrote is as if nobody had set it; numbers and choices stay."""
    kept = {name: value for name, value in params.items() if name != BIAS}
    return kept | {name: _plain(DEFAULTS[name]) for name in WRITTEN if name in params}


def clean_params(raw: Mapping[str, Any], defaults: Mapping[str, Any] = DEFAULTS) -> dict[str, Any]:
    """All parameters, those that are missing or None at their defaults.

    Raises ValidationError with a sentence for every wrong field, an unknown one included.
    """
    cleaned: dict[str, Any] = {name: _plain(value) for name, value in defaults.items()}
    errors: dict[str, str] = {}
    for name, value in raw.items():
        parameter = BY_NAME.get(name)
        if parameter is None:
            errors[str(name)[:64]] = f"There is no parameter “{str(name)[:64]}”. Known: {', '.join(BY_NAME)}."
        elif value is not None and value != "":
            try:
                cleaned[name] = CLEANERS[parameter.kind](parameter, value)
            except ValueError as error:
                errors[name] = str(error)
    if errors := errors or wrong_format(cleaned):
        raise ValidationError(errors)
    return cleaned


def _number(parameter: Parameter, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    return _bounded(parameter, number, "a number")


def _integer(parameter: Parameter, value: Any) -> int:
    try:
        number = math.nan if isinstance(value, bool) else int(value)
        if isinstance(value, float) and value != number:
            number = math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    return int(_bounded(parameter, number, "a whole number"))


def _bounded(parameter: Parameter, number: float, noun: str) -> float:
    low, high = parameter.minimum, parameter.maximum
    assert low is not None
    assert high is not None
    if not low <= number <= high:  # also where the number is none
        raise ValueError(f"{parameter.label} must be {noun} from {low:g} to {high:.10g}.")
    return number


def _strings(parameter: Parameter, value: Any) -> list[str]:
    strings = [value] if isinstance(value, str) else value
    if not isinstance(strings, list | tuple) or not all(isinstance(each, str) for each in strings):
        raise ValueError(f"{parameter.label} must be a list of texts.")
    kept = [each for each in dict.fromkeys(strings) if each]
    if len(kept) > MAX_STOPS:
        raise ValueError(f"{parameter.label}: at most {MAX_STOPS} are allowed, you gave {len(kept)}.")
    if any(len(each) > MAX_STOP_CHARS or NO_TEXT.search(each) for each in kept):
        raise ValueError(f"{parameter.label}: each has at most {MAX_STOP_CHARS} characters.")
    return kept


def _choice(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str) or value not in parameter.choices:
        raise ValueError(f"{parameter.label} must be one of {', '.join(parameter.choices)}.")
    return value


def _text(parameter: Parameter, value: Any) -> str:
    assert parameter.maximum is not None
    if not isinstance(value, str) or NO_TEXT.search(value):
        raise ValueError(f"{parameter.label} must be text.")
    if len(value) > parameter.maximum:
        over = len(value) - int(parameter.maximum)
        raise ValueError(f"{parameter.label} is {over:,} characters too long; up to {parameter.maximum:,} are allowed.")
    return value


def _weights(parameter: Parameter, value: Any) -> dict[str, float] | None:
    """Without those that change nothing."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{parameter.label} must be words with numbers.")
    if len(value) > MAX_WORDS:
        raise ValueError(f"{parameter.label}: at most {MAX_WORDS} are allowed, you gave {len(value)}.")
    kept: dict[str, float] = {}
    for word, number in value.items():
        kept[_word(word)] = _weight(parameter, _word(word), number)
    return {word: number for word, number in kept.items() if number} or None


def _word(raw: Any) -> str:
    word = raw.strip() if isinstance(raw, str) and not NO_TEXT.search(raw) else ""
    if not word or len(word) > MAX_WORD_CHARS:
        raise ValueError(f"A word to avoid or favour has 1 to {MAX_WORD_CHARS} characters.")
    return word


def _weight(parameter: Parameter, word: str, raw: Any) -> float:
    try:
        return _number(parameter, raw)
    except ValueError:
        raise ValueError(f"The number of “{word}” must be one from −{MOST} to {MOST}.") from None


def _tools(parameter: Parameter, value: Any) -> str | None:
    """A list, as programs send it, becomes its text."""
    return clean_tools(_text(parameter, json.dumps(value, indent=2) if isinstance(value, list) else value))


def _flag(parameter: Parameter, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{parameter.label} must be true or false.")
    return value


CLEANERS: Mapping[Kind, Callable[[Parameter, Any], Value]] = {
    "number": _number,
    "integer": _integer,
    "strings": _strings,
    "choice": _choice,
    "text": _text,
    "flag": _flag,
    "weights": _weights,
    "tools": _tools,
}
