"""What the model reads: the messages along one path, as the chat format wants them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from apps.catalog.chat import takes_calls, takes_thoughts
from apps.catalog.models import ModelVersion
from apps.conversations.models import Message

JSON = dict[str, Any]
USER, TOOL = Message.Author.USER, Message.Author.TOOL


class Calls(Enum):
    """Which calls of tools a model is shown of its earlier answers. Those that can't be read never are: templates fail
    of them, and servers refuse them."""

    NONE = auto()
    """Its template knows none. Results become what they would be without: something that a person wrote."""
    ALL = auto()
    ANSWERED = auto()
    """Some templates, and most other servers, insist on a result for each."""


def calls_for(version: ModelVersion | None) -> Calls:
    answered, alone = takes_calls(version) if version else (False, False)
    return Calls.ALL if alone else Calls.ANSWERED if answered else Calls.NONE


def chat_for(version: ModelVersion | None, system_prompt: str, path: Sequence[Message]) -> list[JSON]:
    """As this model can be shown it."""
    thoughts = version is not None and takes_thoughts(version)
    return chat_messages(system_prompt, path, calls_for(version), thoughts=thoughts)


def chat_messages(
    system_prompt: str, path: Sequence[Message], calls: Calls = Calls.NONE, *, thoughts: bool = False
) -> list[JSON]:
    """The system prompt, then prompts and answers in turn, with the ids of their `pictures` where there are any, and
    `tool_calls` with their results in OpenAI's form. An answer that never began is left out, a partial one stays;
    prompts that come to stand side by side so become one, since most chat formats insist on turns. With `thoughts`
    calls that are still being answered have the `reasoning` before them, which is forgotten after the answer."""
    chat: list[JSON] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for said in _said(path, calls, _last_prompt(path) if thoughts else len(path)):
        if chat and _may_join(chat[-1], said):
            chat[-1] = _as_one(chat[-1], said)
        else:
            chat.append(said)
    return chat


def _last_prompt(path: Sequence[Message]) -> int:
    """Its place; behind it are calls and results only, if the next answer goes on from them."""
    return max((place for place, message in enumerate(path) if message.role == USER), default=-1)


def _said(path: Sequence[Message], calls: Calls, thinks_from: int) -> list[JSON]:
    """Each message alone, without those that say nothing to this model. Calls behind the place `thinks_from` have
    their reasoning."""
    found: list[JSON] = []
    waiting: list[JSON] = []
    numbered = 0
    answered: set[str] = set()
    for place, message in enumerate(path):
        if message.role == TOOL:
            call = next((each for each in waiting if each["function"]["name"] == message.tool_name), None)
            if call is not None:
                waiting.remove(call)
                answered.add(call["id"])
            found.append(_result(message, call))
            continue
        waiting = [] if calls is Calls.NONE else _calls(message, numbered)
        numbered += len(waiting)
        called = {"tool_calls": list(waiting)} if waiting else {}
        thought = {"reasoning": message.thought} if waiting and place > thinks_from and message.thought else {}
        found.append(_own_words(message) | called | thought)
    if calls is Calls.ANSWERED:
        found = [_with_only(said, answered) for said in found]
    return [said for said in found if said["content"] or said.keys() & {"pictures", "tool_calls", "tool_call_id"}]


def _own_words(message: Message) -> JSON:
    said: JSON = {"role": str(message.role), "content": message.content}
    return said | ({"pictures": [each["id"] for each in message.pictures]} if message.pictures else {})


def _calls(message: Message, first: int) -> list[JSON]:
    """Their ids have the nine letters and digits that Mistral's templates ask for; the same ones every time, so that
    equal beginnings are computed once."""
    return [
        {
            "id": f"call{number:05}",
            "type": "function",
            "function": {"name": call["name"], "arguments": call["arguments"]},
        }
        for number, call in enumerate(message.good_calls, first)
    ]


def _result(message: Message, call: JSON | None) -> JSON:
    if call is None:
        return {"role": str(USER), "content": f"Result of {message.tool_name}:\n{message.text}"}
    return {"role": "tool", "content": message.text, "name": message.tool_name, "tool_call_id": call["id"]}


def _with_only(said: JSON, answered: set[str]) -> JSON:
    """Without the calls that have no result."""
    kept = [call for call in said.get("tool_calls", ()) if call["id"] in answered]
    if kept:
        return said | {"tool_calls": kept}
    return {name: value for name, value in said.items() if name not in ("tool_calls", "reasoning")}


def _may_join(first: JSON, second: JSON) -> bool:
    """Calls and results stay each what it is."""
    return first["role"] == second["role"] and not (first.keys() | second.keys()) & {"tool_calls", "tool_call_id"}


def _as_one(first: JSON, second: JSON) -> JSON:
    texts = [each["content"] for each in (first, second) if each["content"]]
    pictures = [*first.get("pictures", ()), *second.get("pictures", ())]
    return first | {"content": "\n\n".join(texts)} | ({"pictures": pictures} if pictures else {})
