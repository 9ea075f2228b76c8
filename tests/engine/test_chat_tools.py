"""Tools in chats: the same prompt as transformers makes of them, and nothing dropped or smuggled in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from engine.chat import ChatError, ChatFormat
from engine.chat.template import takes_tools
from tests.engine.chat_models import TEMPLATES, TOKENIZERS, write_chat_folder
from tests.engine.tool_templates import LOOKING, TELLING, weather

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How is it in Paris?"}]
TOOLS = [weather(), weather(name="get_forecast")]


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
