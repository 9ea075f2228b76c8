"""ChatFormat: how one model wants its chats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from engine.chat.calls import texts_of_calls
from engine.chat.errors import ChatError
from engine.chat.markers import Markers
from engine.chat.source import chat_template_of, special_tokens_of
from engine.chat.template import ChatTemplate, texts_in
from engine.chat.tokens import Tokens
from engine.types import BLIND

ROLES = ("system", "user", "assistant", "tool")
NO_TOOLS = "This model's chat template knows no tools: it can't be told of any."
NO_CALLS = "This model's chat template knows no results of tools: it can't be shown any."


class ChatFormat:
    """A tokenizer and a chat template. Immutable and thread-safe: one for all requests of a model."""

    sees = False
    """Whether messages may have pictures."""

    def __init__(self, tokens: Tokens, source: str, special_tokens: Mapping[str, str], before: str = "") -> None:
        """before: what every chat begins with, whatever the template makes of it."""
        self._tokens = tokens
        self._source, self._before = source, before
        self._template = ChatTemplate(source, special_tokens) if source else None
        self._markers = Markers(tokens.control)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """From a model's folder. Raises ChatError."""
        return cls(Tokens(folder / "tokenizer.json"), chat_template_of(folder), special_tokens_of(folder))

    @property
    def has_template(self) -> bool:
        """Whether the model can hold conversations at all."""
        return self._template is not None

    def encode(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        effort: str | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """Token ids of the chat `[{"role": one of ROLES, "content": …}]`, ready for the model to continue.
        A message may have `pictures`, how many there are before its text: each gets a placeholder of its own; an answer
        `tool_calls` in OpenAI's form, each answered by a message of a `tool` with its `tool_call_id` and `name`; and
        the `reasoning` before them, for a template that shows it.

        The same ids as transformers' `apply_chat_template(tokenize=True)` where no message holds a control token; those
        that do hold them get them as plain text. `effort`: how long to think, `low`, `medium` or `high`, for a template
        that asks for it. `tools`: functions that the model may call, `[{"type": "function", "function": …}]`; in them
        and in calls a control token is refused. Raises ChatError.
        """
        _check(messages)
        if not self.sees and any(message.get("pictures") for message in messages):
            raise ChatError(BLIND)
        if self._template is None:
            raise ChatError("This model has no chat template: it completes texts, it doesn't hold conversations.")
        self._check_tools(self._template, tools)
        self._check_calls(self._template, messages)
        marked, marks = self._markers.mark(messages, avoid=self._source)
        rendered = self._template.render(
            marked, add_generation_prompt=add_generation_prompt, effort=effort, tools=tools
        )
        return self._encode(self._before + rendered, marks)

    def length(self, ids: Sequence[int]) -> int:
        """How many tokens the model reads where its prompt is `ids`, those of pictures counted."""
        return len(ids)

    def count(self, text: str) -> int:
        """Tokens of a text alone, as plain text."""
        return self._tokens.count(text)

    def inner(self, text: str) -> list[tuple[int, str]]:
        """Tokens of a text as it stands inside of another, each with what it stands for."""
        return [(token, self._tokens.text_of(token)) for token in self._tokens.encode_inner(text, as_text=True)]

    def _check_tools(self, template: ChatTemplate, tools: Sequence[Mapping[str, Any]]) -> None:
        if not tools:
            return
        if not template.takes_tools:
            raise ChatError(NO_TOOLS)
        # Not marked as in messages: a template may escape the marks, but not the token between them.
        for text in texts_in(list(tools)):
            if found := self._markers.pattern.search(text):
                raise ChatError(f"The tools hold “{found.group()}”, a control token of this model; remove it.")

    def _check_calls(self, template: ChatTemplate, messages: Sequence[Mapping[str, Any]]) -> None:
        told = [message for message in messages if message["role"] == "tool" or message.get("tool_calls")]
        if told and template.takes_calls is None:
            raise ChatError(NO_CALLS)
        for text in (text for message in told for text in texts_of_calls(message)):
            if found := self._markers.pattern.search(text):
                token = f"“{found.group()}”, a control token of this model"
                raise ChatError(f"An earlier call of a tool holds {token}; ask for that answer again.")

    def _encode(self, rendered: str, marks: str) -> list[int]:
        ids: list[int] = []
        for index, piece in enumerate(self._markers.split(rendered, marks)):
            if index == 0 and not piece.as_text:
                part = self._tokens.encode(piece.text)
            else:
                part = self._tokens.encode_inner(piece.text, as_text=piece.as_text)
            meant = 0 if piece.as_text else len(self._markers.pattern.findall(piece.text))
            if self._tokens.controls_in(part) > meant:
                raise ChatError("A message holds a control token of this model that can't be spelled out; remove it.")
            ids += part
        return ids


def _check(messages: Sequence[Mapping[str, Any]]) -> None:
    if not messages:
        raise ChatError("There are no messages.")
    for message in messages:
        if message.get("role") not in ROLES:
            raise ChatError(f"A message's role is one of {', '.join(ROLES)}, not {str(message.get('role'))[:40]!r}.")
        if not isinstance(message.get("content"), str):
            raise ChatError("A message's content is a text.")
