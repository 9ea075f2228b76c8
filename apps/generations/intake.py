"""Checks on what a model is to read, before a job is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.conf import settings

from apps.catalog.chat import chat_length, encode_chat
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.errors import Refused
from apps.generations.formats import FORMAT, FORMATS, formats_of
from apps.generations.params import EFFORT, NO_TEXT
from apps.generations.tools import tools_of
from engine.chat import ChatError
from engine.remote.estimate import estimated_tokens
from engine.store import StoreError

ROLES = ("system", "user", "assistant", "tool")
MORE = frozenset({"pictures", "reasoning", "tool_calls", "name", "tool_call_id"})
"""What some messages have as well."""
MAX_MESSAGES = 1000
MAX_HISTORY = 4
"""A conversation may have this many times the characters of one prompt; its tokens are counted after that."""


class Encoded(NamedTuple):
    """A chat as a model reads it, and how many tokens of completion fit behind it."""

    ids: list[int]
    """With one placeholder for each picture. Empty for an upstream, which gets the messages themselves."""
    tokens: int
    """Those of pictures too."""
    is_estimate: bool
    room: int


def check_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    """Raises Refused."""
    for message in messages:
        if set(message) - MORE != {"role", "content"} or message["role"] not in ROLES:
            raise _invalid(f"Every message has a role ({', '.join(ROLES)}) and a content.")
        if not isinstance(message["content"], str) or NO_TEXT.search(message["content"]):
            raise _invalid("The content of a message must be text.")
    if len(messages) > MAX_MESSAGES:
        raise _too_long(f"A conversation may have {MAX_MESSAGES:,} messages; this one has {len(messages):,}.")
    if not any(message["role"] == "user" and _says_something(message) for message in messages):
        raise Refused(status=422, code="empty", message="Write something first: the message is empty.")
    limit = MAX_HISTORY * settings.MAX_PROMPT_CHARS
    characters = sum(
        len(message["content"]) + len(message.get("reasoning", "")) + _length_of_calls(message) for message in messages
    )
    if characters > limit:
        raise _too_long(
            f"This conversation is {characters - limit:,} characters too long; up to {limit:,} are allowed. "
            "Start a new one, or shorten your message."
        )


def refuse_blind(version: ModelVersion, messages: Sequence[Mapping[str, Any]]) -> None:
    """Where there are pictures and the model can't see them. They are never left out: the answer would be about
    something else than what stands there. Raises Refused."""
    if version.sees or not pictures_in(messages):
        return
    seeing = [model.name for model in HostedModel.objects.that_see()]
    way = f"Choose a model that sees: {', '.join(seeing)}" if seeing else "No model here sees pictures yet"
    message = (
        f"{version.hosted_model} reads text only, and there are pictures in this conversation. {way}; "
        "or start a new conversation without them."
    )
    raise Refused(status=422, code="blind", message=message)


def refuse_format(version: ModelVersion, params: Mapping[str, Any]) -> None:
    """Where another server runs the model and can't be told of the format. Raises Refused."""
    wanted, known = params[FORMAT], formats_of(version)
    if wanted is None or wanted in known:
        return
    message = (
        f"{version.hosted_model} runs on another server, which takes no answer format “{FORMATS[wanted]}”. "
        f"Choose Text, {' or '.join(FORMATS[name] for name in known)} in the settings, or another model."
    )
    raise Refused(status=422, code="format", message=message)


def pictures_in(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of all pictures, in the order in which they are read."""
    return [picture for message in messages for picture in message.get("pictures", ())]


def encoded(version: ModelVersion, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> Encoded:
    """The chat, with what of `params` is told the model in it: how long to think, and tools.

    Raises Refused where there is no room for an answer; an upstream finds that out by itself, and says so."""
    if version.is_upstream:
        return Encoded([], estimated_tokens(messages, tools_of(params)), True, version.reads)
    prompt_ids, length = _encode(version, messages, params)
    room = version.reads - length
    if room < 1:
        over = 1 - room
        message = _overflow(version, messages, "1 token" if over == 1 else f"{over:,} tokens")
        raise Refused(status=422, code="context_overflow", message=message, over=over)
    return Encoded(prompt_ids, length, False, room)


def _overflow(version: ModelVersion, messages: Sequence[Mapping[str, Any]], tokens: str) -> str:
    """A new conversation is no way out of a first message that is too long."""
    is_first = sum(message["role"] != "system" for message in messages) == 1
    what, way = (
        ("Your message", "Shorten it")
        if is_first
        else ("The conversation", "Shorten your message, or start a new conversation")
    )
    return (
        f"{what} is {tokens} too long for this model, which is to have room for an answer. "
        f"It reads {version.reading}. {way}."
    )


def _encode(
    version: ModelVersion, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]
) -> tuple[list[int], int]:
    try:
        prompt_ids = encode_chat(version, messages, effort=params.get(EFFORT), tools=tools_of(params))
        return prompt_ids, chat_length(version, prompt_ids)
    except ChatError as error:
        raise Refused(status=422, code="chat_format", message=str(error)) from error
    except StoreError as error:
        raise Refused(status=422, code="model_missing", message=str(error)) from error


def _length_of_calls(message: Mapping[str, Any]) -> int:
    return sum(len(call["function"]["name"] + call["function"]["arguments"]) for call in message.get("tool_calls", ()))


def _says_something(message: Mapping[str, Any]) -> bool:
    return bool(message["content"].strip() or message.get("pictures"))


def _invalid(message: str) -> Refused:
    return Refused(status=422, code="invalid", message=message)


def _too_long(message: str) -> Refused:
    return Refused(status=413, code="too_long", message=message)
