"""Tools in chats: the same prompt as transformers makes of them, and nothing dropped or smuggled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from engine.chat import ChatError, ChatFormat
from engine.chat.calls import Arguments
from engine.chat.template import takes_calls, takes_thoughts, takes_tools
from tests.engine.chat_models import TEMPLATES, TOKENIZERS, write_chat_folder
from tests.engine.tool_templates import INSISTING, LOOKING, TELLING, THINKING, weather

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How is it in Paris?"}]
TOOLS = [weather(), weather(name="get_forecast")]


GIVEN = '{"city": "Paris", "unit": "°C"}'
FORMS = {"qwen": Arguments.OBJECT, "deepseek": Arguments.TEXT, "harmony": Arguments.OBJECT}


def called(arguments: Any = GIVEN, name: str = "get_weather", result: str = "18 °C") -> list[dict[str, Any]]:
    call = {"id": "call00000", "type": "function", "function": {"name": name, "arguments": arguments}}
    answer = {"role": "assistant", "content": "Let me look.", "tool_calls": [call]}
    return [answer, {"role": "tool", "content": result, "name": name, "tool_call_id": "call00000"}]


@pytest.fixture(params=TELLING)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), TELLING[request.param])


@pytest.mark.parametrize("tools", [TOOLS, TOOLS[:1], []], ids=["two", "one", "none"])
def test_the_same_prompt_as_transformers(folder: Path, tools: list[dict[str, object]]) -> None:
    reference = PreTrainedTokenizerFast.from_pretrained(folder)
    expected = reference.apply_chat_template(CHAT, tools=tools or None, add_generation_prompt=True, return_dict=False)
    ids = ChatFormat.load(folder).encode(CHAT, tools=tools)
    assert ids == expected
    assert ("get_weather" in Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ids)) == bool(tools)


@pytest.mark.parametrize("field", [{"description": "It <|im_end|> is"}, {"parameters": {"type": "object", "</s>": 1}}])
def test_a_control_token_in_a_tool_is_refused(folder: Path, field: dict[str, object]) -> None:
    with pytest.raises(ChatError, match="a control token of this model"):
        ChatFormat.load(folder).encode(CHAT, tools=[weather(**field)])


def test_which_templates_tell_of_tools() -> None:
    assert all(map(takes_tools, TELLING.values()))
    assert not any(map(takes_tools, [*TEMPLATES.values(), LOOKING, "", "{% if %}", "{{ tools[0].nothing.at_all }}"]))


@pytest.mark.parametrize("template", [TEMPLATES["chatml"], LOOKING])
def test_a_template_without_tools_says_so(tmp_path: Path, template: str) -> None:
    chat = ChatFormat.load(write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), template))
    assert chat.encode(CHAT)
    with pytest.raises(ChatError, match="knows no tools"):
        chat.encode(CHAT, tools=TOOLS)


def test_macros_give_texts(tmp_path: Path) -> None:
    """As gpt-oss builds all of its prompt."""
    macro = "{%- macro said(message) %}{{- message.role ~ ': ' }}{{- message.content }}{%- endmacro %}"
    source = macro + "{{- said(messages[0]) }}"
    folder = write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), source)
    ids = ChatFormat.load(folder).encode(CHAT[1:])
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ids) == "user: How is it in Paris?"


def test_long_tools_have_room(folder: Path) -> None:
    chat = ChatFormat.load(folder)
    long = chat.encode(CHAT, tools=[weather("word " * 2_000)])
    assert len(long) > len(chat.encode(CHAT, tools=[weather()])) + 2_000


@pytest.mark.parametrize("arguments", [GIVEN, "{}"])
@pytest.mark.parametrize("family", TELLING)
def test_calls_and_results_are_the_same_prompt_as_transformers(family: str, arguments: str, tmp_path: Path) -> None:
    folder = write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), TELLING[family])
    after = [{"role": "assistant", "content": "It is mild."}, {"role": "user", "content": "Thanks"}]
    as_it_wants = json.loads(arguments) if FORMS[family] is Arguments.OBJECT else arguments
    reference = PreTrainedTokenizerFast.from_pretrained(folder)
    for rest in ([], after):
        expected = reference.apply_chat_template(
            [*CHAT, *called(as_it_wants), *rest], tools=TOOLS, add_generation_prompt=True, return_dict=False
        )
        assert ChatFormat.load(folder).encode([*CHAT, *called(arguments), *rest], tools=TOOLS) == expected
    assert "18 °C" in Tokenizer.from_file(str(folder / "tokenizer.json")).decode(expected)


def test_a_call_without_a_result_is_shown_too(folder: Path) -> None:
    chat = [*CHAT, called()[0], {"role": "user", "content": "Never mind."}]
    text = Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ChatFormat.load(folder).encode(chat, tools=TOOLS))
    assert '"city": "Paris"' in text
    assert text.index("Paris", text.index("Let me look")) < text.index("Never mind.")


def test_a_control_token_in_a_result_is_plain_text_and_in_a_call_refused(folder: Path) -> None:
    chat, tokenizer = ChatFormat.load(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id("<|im_end|>")
    plain, tricky = (chat.encode([*CHAT, *called(result=result)], tools=TOOLS) for result in ("18", "18<|im_end|>"))
    assert plain.count(end) == tricky.count(end)
    assert len(tricky) > len(plain)
    for hidden in ('{"city": "<|im_end|>"}', r'{"city": "\u003c|im_end|>"}'):
        with pytest.raises(ChatError, match="An earlier call of a tool holds"):
            chat.encode([*CHAT, *called(hidden)], tools=TOOLS)


@pytest.mark.parametrize("arguments", ["{", r'{"city": "\ud800"}', "[" * 100_000])
def test_arguments_that_cannot_be_read_stay_texts(folder: Path, arguments: str) -> None:
    assert ChatFormat.load(folder).encode([*CHAT, *called(arguments)], tools=TOOLS)


@pytest.mark.parametrize("name", THINKING)
def test_thoughts_before_a_call_are_the_same_prompt_as_transformers(tmp_path: Path, name: str) -> None:
    folder = write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), THINKING[name])
    answer, result = called(json.loads(GIVEN))
    thinking = answer | {"content": "", name: "It may rain."}
    expected = PreTrainedTokenizerFast.from_pretrained(folder).apply_chat_template(
        [*CHAT, thinking, result], tools=TOOLS, add_generation_prompt=True, return_dict=False
    )
    chat, (answer, result) = ChatFormat.load(folder), called()
    thinking = answer | {"content": "", "reasoning": "It may rain."}
    assert chat.encode([*CHAT, thinking, result], tools=TOOLS) == expected
    with_text = chat.encode([*CHAT, answer | {"reasoning": "It may rain."}, result], tools=TOOLS)
    assert with_text == chat.encode([*CHAT, answer, result], tools=TOOLS), "one of them"


def test_a_control_token_in_a_thought_is_plain_text(tmp_path: Path) -> None:
    folder = write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), THINKING["thinking"])
    chat, (answer, result) = ChatFormat.load(folder), called()
    end = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id("<|im_end|>")
    thought = answer | {"content": "", "reasoning": "It ends<|im_end|>here."}
    assert end not in chat.encode([*CHAT, thought, result], tools=TOOLS)


def test_which_templates_show_thoughts() -> None:
    assert all(map(takes_thoughts, THINKING.values()))
    assert not any(map(takes_thoughts, [*TELLING.values(), *TEMPLATES.values(), LOOKING, INSISTING, "", "{% if %}"]))


def test_which_templates_show_calls(tmp_path: Path) -> None:
    assert {takes_calls(source) for source in TELLING.values()} == {(True, True)}
    assert {takes_calls(source) for source in [*TEMPLATES.values(), LOOKING, "", "{% if %}"]} == {(False, False)}
    assert takes_calls(INSISTING) == (True, False)
    chat = ChatFormat.load(write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), TEMPLATES["chatml"]))
    with pytest.raises(ChatError, match="knows no results"):
        chat.encode([*CHAT, *called()])
