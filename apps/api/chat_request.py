"""Reads a request for a chat completion in OpenAI's form: what the model reads, and the parameters of ours.

What would change the answer and isn't known here is refused in words, never left out; what changes nothing of it
(`IGNORED`) may stand there.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from apps.api.odd import is_odd
from apps.api.refusing import unknown, wrong
from apps.generations.certainty import ALTERNATIVES
from apps.generations.demanding import ANY, CHOICE, NAMED, ONE
from apps.generations.formats import FORMAT, JSON, REGEX, SCHEMA
from apps.generations.json_text import check_depth, read_json
from apps.generations.params import BY_NAME, CERTAINTY, EFFORT
from apps.generations.tools import TOOLS
from apps.generations.words import WORDS

Object = dict[str, Any]
SAME = (
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty",
    "stop", "seed", EFFORT, WORDS,
)  # fmt: skip
"""Called here as they are called there."""
LONGEST = ("max_completion_tokens", "max_tokens")
OWN = ("n", "stream", "stream_options", "logprobs", "top_logprobs", "logit_bias", "response_format", "tools",
       "tool_choice", "parallel_tool_calls", "modalities", "verbosity")  # fmt: skip
IGNORED = frozenset(
    {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prediction"}
)
"""For the books of whoever runs the server, or so that it is quicker."""
KNOWN = ("model", "messages", *SAME, *LONGEST, *OWN)
ROLES = MappingProxyType({"developer": "system"} | {role: role for role in ("system", "user", "assistant", "tool")})
UNREAD = ("function_call", "audio")
MAX_PICTURES = 16
DATA_ONLY = "Pictures are sent in the message itself, as “data:image/png;base64,…”: nothing is fetched from elsewhere."


class ChatRequest(NamedTuple):
    """`messages` as `submit_generation` takes them, but with the files of pictures as `data`; `params` are those that
    were chosen. With `counts` a streamed answer ends with what it used."""

    model: str
    messages: list[Object]
    params: Object
    streams: bool = False
    counts: bool = False
    one_call: bool = False
    """No more calls of tools than one are wanted in an answer."""
    top_logprobs: int | None = None
    """How many of the likeliest tokens are told with each; None: not even how likely it was itself."""

    @property
    def shows_pictures(self) -> bool:
        return any("data" in message for message in self.messages)


def read_chat_request(body: Mapping[str, Any]) -> ChatRequest:
    """Raises Refused with the name of the parameter that is wrong."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in given:
        if name not in KNOWN and name not in IGNORED:
            raise unknown(name, KNOWN)
    streams = flag_of(given, "stream")
    _refuse_unsupported(given)
    top = _logprobs(given, streams)
    one_call = not flag_of(given, "parallel_tool_calls", usual=True)
    params = {name: given[name] for name in SAME if name in given} | _longest(given)
    params |= _format(given) | _tools(given, one_call)
    return ChatRequest(
        model=_model(given),
        messages=_messages(given.get("messages")),
        params=params if top is None else params | {CERTAINTY: True},
        streams=streams,
        counts=flag_of(object_of(given, "stream_options"), "include_usage"),
        one_call=one_call,
        top_logprobs=top,
    )


def _model(given: Object) -> str:
    if not isinstance(given.get("model"), str):
        raise wrong("model", "Name the model that is to answer: GET /v1/models lists those that this token may use.")
    return str(given["model"])


def _refuse_unsupported(given: Object) -> None:
    for name, sentence in UNSUPPORTED.items():
        if name in given and given[name] not in SUPPORTED[name]:
            raise wrong(name, sentence)


SUPPORTED: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "n": (1,),
        "logit_bias": ({},),
        "modalities": (["text"],),
        "verbosity": ("medium",),
    }
)
UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "n": "One request gives one answer here: ask several times, with other seeds.",
        "logit_bias": f"Tokens are weighed by words here, not by their numbers: use “{WORDS}”, as in "
        '{"word": −5}, with numbers from −100 to 100.',
        "modalities": "A chat is answered with text. Pictures are made by POST /v1/images/generations.",
        "verbosity": "Say in a message how much the model is to write, or leave verbosity at “medium”.",
    }
)


def _longest(given: Object) -> Object:
    """However many more tokens than any context holds are wanted, it is the same."""
    chosen = next((given[name] for name in LONGEST if name in given), None)
    most = BY_NAME["max_tokens"].maximum
    assert most is not None
    is_more = isinstance(chosen, int) and chosen > most
    return {} if chosen is None else {"max_tokens": int(most) if is_more else chosen}


def _logprobs(given: Object, streams: bool) -> int | None:
    wanted, top = flag_of(given, "logprobs"), given.get("top_logprobs", 0)
    if isinstance(top, bool) or not isinstance(top, int) or not 0 <= top <= ALTERNATIVES:
        raise wrong("top_logprobs", f"top_logprobs must be a whole number from 0 to {ALTERNATIVES}.")
    if not wanted:
        if top:
            raise wrong("top_logprobs", "top_logprobs needs logprobs to be true.")
        return None
    if streams:
        raise wrong("logprobs", "Probabilities are known at the end of an answer: ask for them without stream.")
    return top


def _format(given: Object) -> Object:
    wanted = object_of(given, "response_format")
    match wanted.get("type", "text"):
        case "text":
            return {}
        case "json_object":
            return {FORMAT: JSON}
        case "json_schema" if isinstance(schema := object_of(wanted, "json_schema").get("schema"), dict):
            return {FORMAT: SCHEMA, SCHEMA: json.dumps(schema, ensure_ascii=False)}
        case "regex" if isinstance(wanted.get("regex"), str):
            return {FORMAT: REGEX, REGEX: wanted["regex"]}
    raise wrong(
        "response_format",
        'response_format is {"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "json_schema": '
        '{"schema": {…}}} or {"type": "regex", "regex": "…"}.',
    )


def _tools(given: Object, one_call: bool) -> Object:
    """Where a call is demanded there is no text that could have a format."""
    tools, choice = given.get("tools", []), given.get("tool_choice", "auto")
    if not isinstance(tools, list):
        raise wrong("tools", "tools must be a list.")
    match choice:
        case "none":
            return {}
        case "auto":
            demanded: Object = {}
        case "required":
            demanded = {CHOICE: ONE if one_call else ANY, FORMAT: None}
        case {"type": "function", "function": {"name": str(name)}}:
            demanded = {CHOICE: NAMED + name, FORMAT: None}
        case _:
            raise wrong("tool_choice", TOOL_CHOICE)
    if demanded and not tools:
        raise wrong("tool_choice", "tool_choice demands a call, and there are no tools: send some, or leave it out.")
    return demanded | ({TOOLS: tools} if tools else {})


TOOL_CHOICE = (
    "tool_choice is “auto”, “none”, “required”, or "
    '{"type": "function", "function": {"name": …}} with the name of one of the tools.'
)


def _messages(raw: Any) -> list[Object]:
    if not isinstance(raw, list) or not raw:
        raise wrong("messages", 'messages is a list, as in [{"role": "user", "content": "Hello"}].')
    called: dict[str, str] = {}
    found = []
    for place, message in enumerate(raw):
        where = f"messages[{place}]"
        if not isinstance(message, dict) or message.get("role") not in tuple(ROLES):
            raise wrong(where, f"{where} needs a role: {', '.join(ROLES)}.")
        found.append(READERS.get(message["role"], _plain)(message, where, called))
    if (pictures := sum(len(message.get("data", ())) for message in found)) > MAX_PICTURES:
        raise wrong("messages", f"Up to {MAX_PICTURES} pictures may be shown at once, and these are {pictures}.")
    return found


def _plain(message: Object, where: str, _called: Object) -> Object:
    texts, pictures = _parts(message.get("content"), f"{where}.content")
    said: Object = {"role": ROLES[message["role"]], "content": "\n".join(texts)}
    if pictures and message["role"] != "user":
        raise wrong(where, f"{where} has a picture: only messages of the user may have some.")
    return said | ({"data": pictures} if pictures else {})


def _assistant(message: Object, where: str, called: dict[str, str]) -> Object:
    """Its `reasoning` is kept with calls alone: the model goes on thinking where it was, and forgets it afterwards."""
    calls = message.get("tool_calls") or []
    if unread := next((name for name in UNREAD if message.get(name)), ""):
        raise wrong(
            where, f"{where} has a {unread}, which isn't read here: send tool_calls, and what was said as text."
        )
    said = _plain({**message, "content": message.get("content") or message.get("refusal") or ""}, where, called)
    if not isinstance(calls, list):
        raise wrong(where, f"{where}.tool_calls must be a list.")
    kept = [_call(call, f"{where}.tool_calls[{place}]") for place, call in enumerate(calls)]
    called.update({call["id"]: call["function"]["name"] for call in kept})
    thought = next((message[name] for name in ("reasoning_content", "reasoning") if message.get(name)), None)
    more = {"reasoning": thought} if kept and isinstance(thought, str) else {}
    return said | ({"tool_calls": kept} if kept else {}) | more


def _call(raw: Any, where: str) -> Object:
    function = raw.get("function") if isinstance(raw, dict) else None
    function = function if isinstance(function, dict) else {}
    texts = (raw.get("id") if isinstance(raw, dict) else None, function.get("name"), function.get("arguments"))
    if not all(isinstance(text, str) for text in texts):
        raise wrong(where, f'{where} must be {{"id": …, "type": "function", "function": {{"name", "arguments"}}}}.')
    arguments = function["arguments"] or "{}"
    try:
        read = read_json(arguments, "It")
        check_depth(read, "It")
    except ValueError:
        read = None
    if not isinstance(read, dict) or is_odd(read):
        raise wrong(where, f"The arguments of {where} must be a JSON object, as text. Leave a call out that has none.")
    return {"id": raw["id"], "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _result(message: Object, where: str, called: dict[str, str]) -> Object:
    asked = message.get("tool_call_id")
    if not isinstance(asked, str) or asked not in called:
        raise wrong(where, f"{where} is the result of a tool: its tool_call_id must be that of a call before it.")
    return _plain(message, where, called) | {"name": called[asked], "tool_call_id": asked}


READERS: Mapping[str, Callable[[Object, str, dict[str, str]], Object]] = MappingProxyType(
    {"assistant": _assistant, "tool": _result}
)


def _parts(content: Any, where: str) -> tuple[list[str], list[bytes]]:
    """The texts, and the files of the pictures."""
    if isinstance(content, str):
        return [content], []
    texts: list[str] = []
    pictures: list[bytes] = []
    if not isinstance(content, list):
        raise wrong(where, f"{where} must be text, or a list of parts.")
    for part in content:
        match part:
            case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
                texts.append(text)
            case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith("data:image/"):
                pictures.append(_file(url, where))
            case {"type": "image_url"}:
                raise wrong(where, DATA_ONLY)
            case _:
                raise wrong(where, f"{where} has a part that isn't known here. Known are text and image_url.")
    return texts, pictures


def _file(url: str, where: str) -> bytes:
    kind, _, data = url.partition(",")
    try:
        return base64.b64decode(data if kind.endswith(";base64") else "-", validate=True)
    except (binascii.Error, ValueError):
        raise wrong(where, f"A picture of {where} isn't whole: it is sent as “data:image/png;base64,…”.") from None


def object_of(given: Mapping[str, Any], name: str) -> Object:
    value = given.get(name, {})
    if not isinstance(value, dict):
        raise wrong(name, f"{name} must be an object.")
    return value


def flag_of(given: Mapping[str, Any], name: str, *, usual: bool = False) -> bool:
    value = given.get(name)
    value = usual if value is None else value
    if not isinstance(value, bool):
        raise wrong(name, f"{name} must be true or false.")
    return value
