"""Whatever is sent, the answer is a refusal in the form that clients know, or a job: never a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import JsonResponse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.api.actions import create_token
from apps.api.asking import ask, draw, edit
from apps.api.chat_request import IGNORED, KNOWN, read_chat_request
from apps.api.edit_request import FILES, KNOWN_OF_EDITS, read_edit_request
from apps.api.image_request import KNOWN as KNOWN_OF_PICTURES
from apps.api.image_request import read_images_request
from apps.api.models import ApiToken
from apps.api.multipart import Form
from apps.api.refusing import as_refusal, refused
from apps.api.responses_request import IGNORED as IGNORED_OF_RESPONSES
from apps.api.responses_request import KNOWN as KNOWN_OF_RESPONSES
from apps.api.responses_request import named_as_here, read_responses_request
from apps.api.views.door import parsed
from apps.catalog.models import HostedModel
from apps.generations.errors import Refused
from apps.generations.picture_http import SentPicture
from tests.generations.conftest import model, painter, settings_of_tests, tiny_store
from tests.generations.pictures import picture, png_of
from tests.generations.tool_models import SHOWING, hosted_with_tools
from tests.world import World

__all__ = ["model", "painter", "settings_of_tests", "tiny_store"]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call00000", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Bremen"}'}}
CHAT: dict[str, Any] = {
    "model": "handy",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Rain?"}], "name": "Jo"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "I should look."},
        {"role": "tool", "tool_call_id": "call00000", "content": "yes"},
        {"role": "user", "content": "And tomorrow?"},
    ],
    "max_tokens": 3,
    "stop": ["END"],
    "seed": 5,
    "tools": [TOOL],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "stream_options": {"include_usage": True},
    "word_bias": {"a": -5},
}
RESPONSE: dict[str, Any] = {
    "model": "handy",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Rain?"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "I should look."}]},
        {"type": "function_call", "call_id": "call00000", "name": "weather", "arguments": '{"place": "Bremen"}'},
        {"type": "function_call_output", "call_id": "call00000", "output": "yes"},
        {"role": "user", "content": "And tomorrow?"},
    ],
    "max_output_tokens": 3,
    "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}],
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
    "reasoning": {"effort": "low"},
}
ARGUMENTS = ("messages", 2, "tool_calls", 0, "function", "arguments")
PICTURES: dict[str, Any] = {"model": "painter", "prompt": "a red apple", "n": 1, "size": "64x64", "seed": 7}
EDIT = {name: str(value) for name, value in PICTURES.items()} | {"strength": "0.5"}
PHOTO = png_of(picture(3))
ODD = [
    "\0", "\ud800", "a\udfff", "💥", "", " ", "a" * 70_000, "../../etc/passwd", "%s{0}{{7*7}}",
    0, -1, 2**31, 2**63, 10**400, -(10**400), 1e308, 0.1, float("nan"), float("inf"), float("-inf"), True, False, None,
    [], {}, [[]], [None], {"": None}, {"\0": "\0"}, {"\ud800": 1}, ["\0"] * 3, [{}] * 40, {"type": "object"},
]  # fmt: skip
values = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)


def places_in(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything inside."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for name, each in members for place in places_in(each, (*here, name)))]


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = changed(copy[place[0]] if place[1:] else None, place[1:], new)
    return copy


def bodies(usual: dict[str, Any], known: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """A good request with something odd in one place, or for one or two of all parameters."""
    anywhere = st.builds(changed, st.just(usual), st.sampled_from(places_in(usual)), values)
    named = st.dictionaries(st.sampled_from(known) | st.text(max_size=8), values, min_size=1, max_size=2)
    return anywhere | named.map(lambda some: usual | some)


@pytest.fixture
def token(world: World) -> ApiToken:
    return create_token(actor=world.editor, project=world.project, name="Notebook", days=30)[0]


@pytest.fixture
def handy(db: None, settings_of_tests: None, tiny_store: tuple[Path, str], tmp_path: Path) -> HostedModel:
    return hosted_with_tools(tiny_store[0], tmp_path / "handy", template=SHOWING)


def answered(sent: Any, ask: Callable[[dict[str, Any]], Any]) -> JsonResponse | None:
    """The refusal, where there is one. As the door does it, and then it is as if nothing had been asked."""
    try:
        with transaction.atomic():
            ask(parsed(json.dumps(sent).encode()))
            transaction.set_rollback(True)
        return None
    except Refused as refusal:
        return refused(refusal)
    except ValidationError as invalid:
        return refused(as_refusal(invalid))


def check(response: JsonResponse | None) -> None:
    if response is None:
        return
    error = json.loads(response.content)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert 400 <= response.status_code < 500
    assert error["message"]
    assert len(error["message"]) < 2000


quick = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@quick
@given(body=bodies(CHAT, (*KNOWN, *IGNORED)))
@example(body=CHAT | {"model": "\ud800"})
@example(body=CHAT | {"\ud800": 1})
@example(body=CHAT | {"\0": 1})
@example(body=CHAT | {"stop": ["\ud800"]})
@example(body=CHAT | {"messages": [{"role": "user", "content": "\ud800"}]})
@example(body=CHAT | {"messages": [{"role": ["user"], "content": "Hello"}]})
@example(body=CHAT | {"messages": [{"role": {}, "content": "Hello"}]})
@example(body=changed(CHAT, ARGUMENTS, '{"place": "\\ud800"}'))
@example(body=changed(CHAT, ARGUMENTS, '{"place": ' + "[" * 900 + "]" * 900 + "}"))
@example(body=changed(CHAT, ARGUMENTS, '{"place": ' + "9" * 5000 + "}"))
def test_a_chat(token: ApiToken, handy: HostedModel, body: Any) -> None:
    check(answered(body, lambda sent: ask(token, read_chat_request(sent))))


@quick
@given(body=bodies(PICTURES, KNOWN_OF_PICTURES))
def test_pictures(token: ApiToken, painter: HostedModel, body: Any) -> None:
    check(answered(body, lambda sent: draw(token, read_images_request(sent))))


def respond(token: ApiToken, sent: dict[str, Any]) -> None:
    with named_as_here():
        ask(token, read_responses_request(sent).chat)


@quick
@given(body=bodies(RESPONSE, (*KNOWN_OF_RESPONSES, *IGNORED_OF_RESPONSES)))
@example(body=RESPONSE | {"input": [{"type": ["message"]}]})
@example(body=RESPONSE | {"input": [{"type": "message", "role": ["user"], "content": "Hello"}]})
@example(body=RESPONSE | {"tool_choice": {"type": "function", "name": "nobody"}})
def test_a_response(token: ApiToken, handy: HostedModel, body: Any) -> None:
    check(answered(body, lambda sent: respond(token, sent)))


texts = st.sampled_from([str(odd) for odd in ODD if isinstance(odd, (str, int, float))]) | st.text(max_size=8)
photos = st.sampled_from([PHOTO, PHOTO[:60], b"", b"<svg/>", PHOTO + b"x"])


@settings(quick, max_examples=100)
@given(
    fields=st.dictionaries(st.sampled_from(KNOWN_OF_EDITS) | st.text(max_size=8), texts, max_size=3),
    files=st.dictionaries(st.sampled_from(FILES), st.lists(photos, max_size=2), max_size=2),
)
def test_edits(token: ApiToken, painter: HostedModel, fields: dict[str, str], files: dict[str, list[bytes]]) -> None:
    sent = {name: [SentPicture(data, "photo.png", "") for data in several] for name, several in files.items()}
    form = Form(EDIT | fields, {"image": [SentPicture(PHOTO, "", "")]} | sent)
    check(answered({}, lambda _nothing: edit(token, read_edit_request(form))))


def test_the_good_ones_are_good(token: ApiToken, handy: HostedModel, painter: HostedModel) -> None:
    assert answered(CHAT, lambda sent: ask(token, read_chat_request(sent))) is None
    assert answered(RESPONSE, lambda sent: respond(token, sent)) is None
    assert answered(PICTURES, lambda sent: draw(token, read_images_request(sent))) is None
    form = Form(EDIT, {"image": [SentPicture(PHOTO, "photo.png", "image/png")]})
    assert answered({}, lambda _nothing: edit(token, read_edit_request(form))) is None
