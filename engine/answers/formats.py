"""Which marks a family of models puts around its reasoning and its tool calls: our own table.

A model's format is detected once, when it is installed, from its chat template and its architecture; it is stored,
and people may correct it. Nothing is guessed from names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

THINK, THOUGHT = "<think>", "</think>"


class Tools(StrEnum):
    """How tool calls are written."""

    NONE = ""
    HERMES = "hermes"
    """`<tool_call>{"name": …, "arguments": {…}}</tool_call>`"""
    DEEPSEEK = "deepseek"
    """`<｜tool▁calls▁begin｜>`, then name, separator and arguments between two marks for each call."""
    HARMONY = "harmony"
    """Messages with a recipient."""


MARKS: Mapping[Tools, frozenset[str]] = MappingProxyType(
    {
        Tools.NONE: frozenset(),
        Tools.HERMES: frozenset({"<tool_call>", "</tool_call>"}),
        Tools.DEEPSEEK: frozenset(
            f"<｜tool▁{name}｜>" for name in ("calls▁begin", "calls▁end", "call▁begin", "call▁end", "sep")
        ),
        Tools.HARMONY: frozenset(
            f"<|{name}|>" for name in ("start", "channel", "constrain", "message", "end", "return", "call")
        ),
    }
)


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """`thinks`: reasoning stands between `<think>` and `</think>`, before the answer."""

    label: str
    thinks: bool = False
    tools: Tools = Tools.NONE

    @property
    def markers(self) -> frozenset[str]:
        """The texts that mean something in this format. Most are tokens of their own."""
        return MARKS[self.tools] | ({THINK, THOUGHT} if self.thinks else frozenset())

    @property
    def in_text(self) -> bool:
        """Whether its parts can be told in a text without tokens. Servers of gpt-oss read its channels themselves, or
        leave their marks out."""
        return self.tools is not Tools.HARMONY

    @property
    def before_answer(self) -> str:
        """The mark that the answer stands behind, where the model thinks first; "" where it never does."""
        return "<|message|>" if self.tools is Tools.HARMONY else THOUGHT if self.thinks else ""


PLAIN = "plain"
FORMATS: Mapping[str, AnswerFormat] = MappingProxyType(
    {
        PLAIN: AnswerFormat("Plain text"),
        "think": AnswerFormat("Reasoning between <think> and </think>", thinks=True),
        "deepseek-r1": AnswerFormat("DeepSeek-R1: <think>, tool calls", thinks=True, tools=Tools.DEEPSEEK),
        "deepseek-v3": AnswerFormat("DeepSeek-V3: tool calls", tools=Tools.DEEPSEEK),
        "qwen3": AnswerFormat("Qwen3: <think>, <tool_call>", thinks=True, tools=Tools.HERMES),
        "qwen2": AnswerFormat("Qwen2: <tool_call>", tools=Tools.HERMES),
        "harmony": AnswerFormat("gpt-oss: harmony channels", tools=Tools.HARMONY),
    }
)
MAX_NAME = 16  # characters of the longest name that may ever be added


def detect_format(template: str, architecture: str) -> str:
    """The name of the format of a model with this chat template (Jinja source) and architecture."""
    thinks = THOUGHT in template
    if architecture == "GptOssForCausalLM" or ("<|channel|>" in template and "<|message|>" in template):
        return "harmony"
    if "<｜tool▁calls▁begin｜>" in template:
        return "deepseek-r1" if thinks else "deepseek-v3"
    if "<tool_call>" in template:
        return "qwen3" if thinks else "qwen2"
    return "think" if thinks else PLAIN
