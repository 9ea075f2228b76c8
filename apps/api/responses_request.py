"""Reads a request of OpenAI's Responses API as that for a chat completion. Nothing is kept between requests: a program
sends all that was said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from apps.api.chat_request import LONGEST, SAME, ChatRequest, flag_of, object_of, read_chat_request
from apps.api.refusing import as_refusal, unknown, wrong
from apps.generations.errors import Refused
from apps.generations.params import EFFORT

Object = dict[str, Any]
OWN = (
    "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls", "text", "max_output_tokens", "reasoning",
    "include", "store", "previous_response_id", "conversation", "background", "prompt", "truncation", "top_logprobs",
)  # fmt: skip
IGNORED = frozenset(
    {"user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
     "stream_options", "max_tool_calls"}
)  # fmt: skip
"""For the books of whoever runs the server, so that it is quicker, or of tools that there are none of."""
SAMPLING = tuple(name for name in SAME if name != EFFORT)
KNOWN = ("model", "input", *OWN, *SAMPLING)
ROLES = ("user", "assistant", "system", "developer")
SUPPORTED: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "store": (False,),
        "previous_response_id": (),
        "conversation": (),
        "background": (False,),
        "prompt": (),
        "truncation": ("disabled",),
        "top_logprobs": (0,),
        "include": ([], ["reasoning.encrypted_content"]),
    }
)
UNKEPT = "Answers can't be fetched later here: leave {} out, and send all that was said as input."
UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "store": UNKEPT.format("store"),
        "previous_response_id": UNKEPT.format("previous_response_id"),
        "conversation": UNKEPT.format("conversation"),
        "background": UNKEPT.format("background"),
        "prompt": "Prompts of this site aren't known here by an id: send the text as input.",
        "truncation": "Nothing of the input is left out here: shorten it, or leave truncation at “disabled”.",
        "top_logprobs": "Probabilities are told by POST /v1/chat/completions.",
        "include": "Of what may be included only “reasoning.encrypted_content” is known here, and changes nothing.",
    }
)
NAMES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((*LONGEST, "max_tokens"), "max_output_tokens")
    | {"response_format": "text.format", "verbosity": "text.verbosity", EFFORT: "reasoning.effort", "messages": "input"}
)
"""What a parameter of a chat completion is called here."""
ITEMS = "Known are messages, function_call, function_call_output and reasoning."


class ResponsesRequest(NamedTuple):
    """`given` is what was sent, for what an answer repeats of it."""

    chat: ChatRequest
    given: Object


def read_responses_request(body: Mapping[str, Any]) -> ResponsesRequest:
    """Raises Refused with the name of the parameter that is wrong."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in given:
        if name not in KNOWN and name not in IGNORED:
            raise unknown(name, KNOWN)
    for name, sentence in UNSUPPORTED.items():
        if name in given and given[name] not in SUPPORTED[name]:
            raise wrong(name, sentence)
    with named_as_here():
        return ResponsesRequest(read_chat_request(_chat(given)), given)


@contextmanager
def named_as_here() -> Iterator[None]:
    """What is refused of a chat completion inside is refused of a response: by the names that its parameters have."""
    try:
        yield
    except ValidationError as invalid:
        raise renamed(as_refusal(invalid)) from invalid
    except Refused as refusal:
        raise renamed(refusal) from refusal


def renamed(refusal: Refused) -> Refused:
    named, message = refusal.details.get("field") or "", refusal.message
    here = NAMES.get(named.partition("[")[0], named)
    if here != named:
        message = message.replace(named, here)
        refusal.details["field"] = here
    return Refused(status=refusal.status, code=refusal.code, message=message, **refusal.details)


def _chat(given: Object) -> Object:
    asked = {name: given[name] for name in ("model", "parallel_tool_calls", *SAMPLING) if name in given}
    text, reasoning = object_of(given, "text"), object_of(given, "reasoning")
    found = {
        "messages": [*_instructions(given), *_messages(given.get("input"))],
        "stream": flag_of(given, "stream"),
        "max_completion_tokens": given.get("max_output_tokens"),
        "response_format": _format(text.get("format")),
        "verbosity": text.get("verbosity"),
        EFFORT: reasoning.get("effort"),
        "tools": [_tool(tool, f"tools[{place}]") for place, tool in enumerate(_list(given, "tools"))] or None,
        "tool_choice": _choice(given.get("tool_choice")),
    }
    return asked | found


def _instructions(given: Object) -> list[Object]:
    if not isinstance(given.get("instructions", ""), str):
        raise wrong("instructions", "instructions must be text.")
    return [{"role": "system", "content": given["instructions"]}] if given.get("instructions") else []


def _format(wanted: Any) -> Any:
    """The schema lies flat here."""
    match wanted:
        case None | {"type": "text" | "json_object"} | {"type": "regex", "regex": str()}:
            return wanted
        case {"type": "json_schema", "schema": dict(schema)}:
            return {"type": "json_schema", "json_schema": {"schema": schema}}
    raise wrong(
        "text.format",
        'text.format is {"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "name": "…", "schema": {…}} '
        'or {"type": "regex", "regex": "…"}.',
    )


def _tool(tool: Any, where: str) -> Object:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise wrong("tools", f"{where} is no function: tools that a server would run itself aren't offered here.")
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}


def _choice(wanted: Any) -> Any:
    match wanted:
        case None | "auto" | "none" | "required":
            return wanted
        case {"type": "function", "name": str(name)}:
            return {"type": "function", "function": {"name": name}}
    raise wrong(
        "tool_choice",
        'tool_choice is “auto”, “none”, “required”, or {"type": "function", "name": …} with the name of a tool.',
    )


def _messages(given: Any) -> list[Object]:
    """Of the model's own items, which may follow one another, those up to the next of anybody else are one message."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise wrong("input", 'input is a text, or a list of items, as in [{"role": "user", "content": "Hello"}].')
    messages: list[Object] = []
    own: Object | None = None
    for place, item in enumerate(given):
        where = f"input[{place}]"
        kind = item.get("type", "message") if isinstance(item, dict) else None
        if not isinstance(kind, str) or kind not in READERS:
            raise wrong("input", f"{where} has a type that isn't known here. {ITEMS}")
        read = READERS[kind](item, where)
        if read["role"] != "assistant":
            own = None
            messages.append(read)
        elif own is None:
            own = read
            messages.append(own)
        else:
            _add(own, read)
    return [message for message in messages if _says_something(message)]


def _add(own: Object, more: Object) -> None:
    own["content"] += more["content"]
    own["tool_calls"] += more["tool_calls"]
    own["reasoning_content"] += more["reasoning_content"]


def _says_something(message: Object) -> bool:
    """Thoughts alone are none: their answer was left out."""
    return message["role"] != "assistant" or bool(message["content"] or message["tool_calls"])


def _message(item: Object, where: str) -> Object:
    if item.get("role") not in ROLES:
        raise wrong("input", f"{where} needs a role: {', '.join(ROLES)}.")
    parts = _parts(item.get("content"), f"{where}.content")
    return _own(content=parts) if item["role"] == "assistant" else {"role": item["role"], "content": parts}


def _call(item: Object, where: str) -> Object:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    if not all(isinstance(text, str) for text in (item.get("call_id"), *function.values())):
        raise wrong("input", f"{where} needs call_id, name and arguments, which are texts.")
    return _own(tool_calls=[{"id": item["call_id"], "type": "function", "function": function}])


def _result(item: Object, where: str) -> Object:
    parts = _parts(item.get("output"), f"{where}.output")
    return {"role": "tool", "tool_call_id": item.get("call_id"), "content": parts}


def _reasoning(item: Object, where: str) -> Object:
    """As it was told here; summaries and sealed thoughts of other servers mean nothing to a model of ours."""
    content = item.get("content") or []
    if not isinstance(content, list):
        raise wrong("input", f"{where}.content must be a list.")
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "reasoning_text"]
    return _own(reasoning_content="\n".join(text for text in texts if isinstance(text, str)))


READERS: Mapping[str, Callable[[Object, str], Object]] = MappingProxyType(
    {"message": _message, "function_call": _call, "function_call_output": _result, "reasoning": _reasoning}
)


def _own(**said: Any) -> Object:
    return {"role": "assistant", "content": [], "tool_calls": [], "reasoning_content": ""} | said


def _parts(content: Any, where: str) -> list[Object]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise wrong("input", f"{where} must be text, or a list of parts.")
    return [_part(part, where) for part in content]


def _part(part: Any, where: str) -> Object:
    match part:
        case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
    raise wrong("input", f"{where} has a part that isn't known here. Known are input_text and input_image.")


def _list(given: Object, name: str) -> list[Any]:
    value = given.get(name, [])
    if not isinstance(value, list):
        raise wrong(name, f"{name} must be a list.")
    return value
