"""The grammar of an answer that has to be a call of a tool, as the model's family writes calls: what it admits, the
parser of that family reads.

In Lark's notation, for `engine.grammar`. What is thought before isn't part of it (see `engine.text.prescribed`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from engine.answers.formats import FORMATS, Tools
from engine.grammar import WHITESPACE
from engine.types import DemandedCalls

MOST = 16
"""Calls in one answer: a model that is unsure goes on to the end of its tokens otherwise."""
READ = {"whitespace_pattern": WHITESPACE}


def can_demand(name: str) -> bool:
    """Whether it is known how models of the format with this name write calls; an unknown one is a KeyError."""
    return FORMATS[name].tools in WRITTEN


def calls_grammar(name: str, wanted: DemandedCalls, marks: Mapping[str, int]) -> str:
    """For a format that `can_demand`. marks: those that are tokens of their own; the others are spelled out, and an
    argument that spells one out as well makes a call that can't be read."""
    tools = [tool["function"] for tool in wanted.tools]
    arguments = [f"args_{place}: %json {_schema(tool)}" for place, tool in enumerate(tools)]
    names = [tool["name"] for tool in tools]
    return "\n".join([*WRITTEN[FORMATS[name].tools](names, wanted.only_one, _Marks(marks)), *arguments, ""])


class _Marks:
    def __init__(self, tokens: Mapping[str, int]) -> None:
        self._tokens = tokens

    def __getitem__(self, mark: str) -> str:
        return f"<[{self._tokens[mark]}]>" if mark in self._tokens else json.dumps(mark, ensure_ascii=False)


def _hermes(names: Sequence[str], only_one: bool, mark: _Marks) -> list[str]:
    bodies = [rf'"{{\"name\": \"{name}\", \"arguments\": " args_{place} "}}"' for place, name in enumerate(names)]
    return [
        rf"start: /\n{{0,2}}/ {_repeated(only_one)}",
        rf'call: {mark["<tool_call>"]} "\n" body "\n" {mark["</tool_call>"]}',
        f"body: {' | '.join(bodies)}",
    ]


def _deepseek(names: Sequence[str], only_one: bool, mark: _Marks) -> list[str]:
    """As V3 and R1 write it, or V3.1; a tool that is called “function” reads as the former."""
    separator = mark["<｜tool▁sep｜>"]
    older = [rf'"function" {separator} "{name}\n```json\n" args_{place} "\n```"' for place, name in enumerate(names)]
    newer = [f'"{name}" {separator} args_{place}' for place, name in enumerate(names) if name != "function"]
    return [
        rf"start: /\n{{0,2}}/ {mark['<｜tool▁calls▁begin｜>']} {_repeated(only_one)} {mark['<｜tool▁calls▁end｜>']}",
        f"call: {mark['<｜tool▁call▁begin｜>']} body {mark['<｜tool▁call▁end｜>']}",
        f"body: {' | '.join([*older, *newer])}",
    ]


def _harmony(names: Sequence[str], _only_one: bool, mark: _Marks) -> list[str]:
    """One call is all that a turn has. It ends with a token that ends the completion, and that every grammar may."""
    channel, message = mark["<|channel|>"], mark["<|message|>"]
    calls = [
        f'{channel} "commentary to=functions.{name} " {mark["<|constrain|>"]} "json" {message} args_{place}'
        for place, name in enumerate(names)
    ]
    # Of the message with its thoughts, what stands between the marks is free, and the mark behind them too.
    thought = f'{channel} "analysis" {message} {mark["<|start|>"]} "assistant"'
    return [f"start: ({thought})* call", f"call: {' | '.join(calls)}"]


WRITTEN: Mapping[Tools, Callable[[Sequence[str], bool, _Marks], list[str]]] = MappingProxyType(
    {Tools.HERMES: _hermes, Tools.DEEPSEEK: _deepseek, Tools.HARMONY: _harmony}
)


def _repeated(only_one: bool) -> str:
    return "call" if only_one else rf"call (/\n?/ call){{0,{MOST - 1}}}"


def _schema(tool: Mapping[str, Any]) -> str:
    """What the library is told in a schema of how to write is ours."""
    return json.dumps({"type": "object", **(tool.get("parameters") or {}), "x-guidance": READ}, ensure_ascii=False)
