"""A model's chat template: rendered as transformers' `apply_chat_template` does, inside a sandbox with limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser

from engine.chat.calls import THOUGHT, THOUGHTS, TRIED, Arguments, as_template_wants, texts_of_calls, trial
from engine.chat.errors import ChatError, Declined
from engine.chat.growth import guarded, room
from engine.chat.limits import LimitedEnvironment, limited, with_ticks
from engine.chat.source import NAMED

MAX_INDENT = 16
EFFORT = "reasoning_effort"
PROBE = "any7text"
"""Looked for in a rendered chat: no template holds it."""
TOOL = {
    "type": "function",
    "function": {
        "name": PROBE,
        "description": "Tried.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class _Refused(jinja2.TemplateError):
    """The template itself says that it can't take these messages."""


class ChatTemplate:
    """Thread-safe. Raises ChatError for a template that isn't valid Jinja."""

    def __init__(self, source: str, special_tokens: Mapping[str, str]) -> None:
        environment = _environment()
        self._special_tokens = dict(special_tokens)
        try:
            code = environment.compile(with_ticks(environment.parse(source)))
            self._template = jinja2.Template.from_code(environment, code, environment.make_globals(None))
        except (jinja2.TemplateError, RecursionError, SyntaxError, MemoryError) as error:
            raise ChatError(f"The model's chat template is not valid: {error}") from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        effort: str | None = None,
        thinking: bool | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """The text of the whole chat, control tokens included; without `effort` and `thinking` as the template has it.
        Raises ChatError."""
        given = sum(len(message["content"]) for message in messages) + sum(map(len, texts_in(list(tools))))
        given += sum(len(text) for message in messages for text in texts_of_calls(message))
        given += sum(len(message.get("reasoning", "")) for message in messages)
        values: dict[str, Any] = {"documents": None, "add_generation_prompt": add_generation_prompt}
        values["tools"] = list(tools) or None
        if effort is not None:
            values[EFFORT] = effort
        if thinking is not None:
            values["enable_thinking"] = thinking
        arguments = self.takes_calls if any(message.get("tool_calls") for message in messages) else None
        thoughts = self.takes_thoughts if any("reasoning" in message for message in messages) else ""
        values["messages"] = [
            self._as_it_wants(as_template_wants(message, arguments, thoughts)) for message in messages
        ]
        with limited(2 * given):
            return self._collect(values)

    @cached_property
    def takes_parts(self) -> bool:
        """Whether it wants what a message says as a list of parts, as those of models that see pictures do: of a plain
        text they show nothing, without a word."""
        try:
            return PROBE not in self._tried(_asking(PROBE)) and PROBE in self._tried(_asking(_parts(PROBE)))
        except ChatError:  # told where it is rendered
            return False

    @cached_property
    def takes_tools(self) -> bool:
        """Whether it tells a model of the functions that it may call: found by trying, since one may look at `tools`
        without showing them."""
        try:
            return PROBE in self._tried([self._as_it_wants({"role": "user", "content": ""})], [TOOL])
        except ChatError:
            return False

    @cached_property
    def takes_calls(self) -> Arguments | None:
        """Whether it shows a model its earlier calls and their results, with arguments in which form: by trying."""
        return next((each for each in Arguments if self._shows_calls(each, answered=True)), None)

    @cached_property
    def takes_unanswered(self) -> bool:
        """Whether it does so too where a prompt follows a call in the place of its result: some insist on one."""
        return self.takes_calls is not None and self._shows_calls(self.takes_calls, answered=False)

    @cached_property
    def takes_thoughts(self) -> str:
        """As what it shows a model the thoughts that led to a call whose result it is about to read; "": not at all."""
        if self.takes_calls is None:
            return ""
        asked, called, result = (as_template_wants(message, self.takes_calls) for message in trial(answered=True))
        return next(
            (name for name in THOUGHTS if self._shows([asked, called | {name: THOUGHT}, result], [THOUGHT])), ""
        )

    def _shows_calls(self, arguments: Arguments, *, answered: bool) -> bool:
        return self._shows([as_template_wants(message, arguments) for message in trial(answered=answered)], TRIED)

    def _shows(self, messages: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> bool:
        try:
            shown = self._tried([self._as_it_wants(message) for message in messages], [TOOL])
        except ChatError:
            return False
        return all(text in shown for text in texts)

    def _as_it_wants(self, message: Mapping[str, Any]) -> dict[str, Any]:
        pictures = message.get("pictures", 0)
        told = {name: value for name, value in message.items() if name != "pictures"}
        return told | {"content": _parts(message["content"], pictures)} if pictures or self.takes_parts else told

    def _tried(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
        with limited(2 * len(PROBE)):
            return self._collect({"messages": messages, "tools": tools, "add_generation_prompt": True})

    def _collect(self, values: dict[str, Any]) -> str:
        pieces: list[str] = []
        size = 0
        try:
            for piece in self._template.generate(**values, **self._special_tokens):
                size += len(piece)
                if size > room():
                    raise ChatError("The model's chat template makes far more text than the messages hold.")
                pieces.append(piece)
        except _Refused as error:
            raise Declined(f"The model can't take these messages: {str(error)[:300]}") from error
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ChatError):
                raise
            raise ChatError(f"The model's chat template failed: {str(error)[:300]}.") from error
        except (RecursionError, MemoryError) as error:
            raise ChatError("The model's chat template goes round in circles.") from error
        return "".join(pieces)


def _asking(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def _parts(text: str, pictures: int = 0) -> list[dict[str, str]]:
    """The pictures first, as the makers of such models ask for; then what is said of them."""
    return [{"type": "image"}] * pictures + ([{"type": "text", "text": text}] if text or not pictures else [])


def takes_effort(source: str) -> bool:
    """Whether the template asks how long the model is to think. Raises ChatError as ChatTemplate does."""
    try:
        return any(name.name == EFFORT for name in _environment().parse(source).find_all(nodes.Name))
    except (jinja2.TemplateError, RecursionError) as error:
        raise ChatError(f"The model's chat template is not valid: {error}") from error


def takes_tools(source: str) -> bool:
    """Whether a chat by this template, if it is a good one, can tell of functions that the model may call."""
    template = _good(source)
    return template is not None and template.takes_tools


def takes_calls(source: str) -> tuple[bool, bool]:
    """Whether a chat by this template, if it is a good one, can show calls of tools and their results; and whether
    calls that have none."""
    template = _good(source)
    if template is None:
        return False, False
    return template.takes_calls is not None, template.takes_unanswered


def takes_thoughts(source: str) -> bool:
    """Whether a chat by this template, if it is a good one, shows the thoughts before a call that is being answered."""
    template = _good(source)
    return template is not None and bool(template.takes_thoughts)


@lru_cache(maxsize=16)
def _good(source: str) -> ChatTemplate | None:
    """Compiled once for all that is asked of it; None where there is none, or it isn't valid."""
    try:
        return ChatTemplate(source, dict.fromkeys(NAMED, "")) if source else None
    except ChatError:
        return None


def texts_in(value: Any) -> Iterator[str]:
    """All texts in something read from JSON, names of members included."""
    inside = [value]
    while inside:
        match inside.pop():
            case str() as text:
                yield text
            case list() as parts:
                inside += parts
            case dict() as members:
                inside += [*members, *members.values()]


def _environment() -> LimitedEnvironment:
    environment = LimitedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols], optimized=False
    )
    for widening in ("center", "format", "wordwrap"):
        del environment.filters[widening]
    environment.filters["tojson"] = guarded("tojson", _tojson, environment.tick)
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


class _Generation(Extension):
    """`{% generation %}…{% endgeneration %}` marks what a model wrote, for training; here it only shows its body."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _raise_exception(message: str) -> NoReturn:
    raise _Refused(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)  # local time on purpose: it is what transformers gives to a template


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Unlike Jinja's own: no HTML escapes."""
    if indent is not None and indent > MAX_INDENT:
        raise SecurityError("it indents by too much")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
