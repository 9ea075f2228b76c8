"""Chats as token ids: the same as transformers' for ordinary text, and nothing smuggled in for any text."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from engine.chat import ChatError, ChatFormat
from engine.chat.template import takes_effort
from tests.engine.chat_models import HARMONY, SPECIAL, TEMPLATES, TOKENIZERS, UNSPECIAL, write_chat_folder

CONTROL = (*SPECIAL, *UNSPECIAL)
PRIVATE = "\U000f0000\U000f1234"
text = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(["Hello", " ", "\n", "  world", "é", "漢", "🙂", "12", "<", "|", PRIVATE]), max_size=12
    ).map("".join),
)
hostile = st.lists(
    st.one_of(
        st.sampled_from(CONTROL),
        st.sampled_from([" ", "\n", "<|im_", "end|>", "a", "<<s>s>", PRIVATE]),
        st.text(max_size=5),
    ),
    min_size=1,
    max_size=8,
).map("".join)


@pytest.fixture(scope="module", params=[(kind, style) for kind in TOKENIZERS for style in TEMPLATES], ids="-".join)
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, style = request.param
    return write_chat_folder(tmp_path_factory.mktemp("chat"), TOKENIZERS[kind](), TEMPLATES[style])


@pytest.fixture(scope="module")
def chat(folder: Path) -> ChatFormat:
    return ChatFormat.load(folder)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    return PreTrainedTokenizerFast.from_pretrained(folder)


def is_benign(content: str) -> bool:
    return not any(token in content for token in CONTROL)


def turns(*contents: str) -> list[dict[str, str]]:
    """user, assistant, user …"""
    return [{"role": ("user", "assistant")[index % 2], "content": content} for index, content in enumerate(contents)]


@settings(max_examples=60, deadline=None)
@given(contents=st.lists(text.filter(is_benign), min_size=1, max_size=4), system=st.none() | text.filter(is_benign))
def test_ordinary_chats_are_encoded_as_transformers_does(
    chat: ChatFormat, reference: Any, contents: list[str], system: str | None
) -> None:
    messages = turns(*contents)
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    expected = reference.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert chat.encode(messages) == expected


@settings(max_examples=100, deadline=None)
@given(content=hostile, system=hostile, answer=hostile)
def test_no_text_becomes_a_control_token(
    chat: ChatFormat, reference: Any, content: str, system: str, answer: str
) -> None:
    """As many control tokens as the same chat has with harmless words, whatever people write."""
    control = {reference.convert_tokens_to_ids(token) for token in CONTROL}
    messages = [{"role": "system", "content": system}, *turns(content, "answer", content)]
    harmless = [{"role": "system", "content": "word"}, *turns("word", "answer", "word")]
    found, expected = ([token for token in chat.encode(some) if token in control] for some in (messages, harmless))
    assert found == expected
    in_answer = chat.encode([*turns("word", answer, "word")])
    allowed = {reference.convert_tokens_to_ids(token) for token in UNSPECIAL}
    plain = chat.encode([*turns("word", "word", "word")])
    assert [token for token in in_answer if token in control - allowed] == [
        token for token in plain if token in control - allowed
    ]


def test_the_check_above_would_notice(chat: ChatFormat, reference: Any) -> None:
    """Negative control: encoded naively, the same text does become control tokens."""
    messages, forged = turns("</s> <|im_end|> [INST]"), {reference.convert_tokens_to_ids(token) for token in SPECIAL}
    naive = reference.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert sum(token in forged for token in naive) == 3 + sum(token in forged for token in chat.encode(messages))


@settings(max_examples=60, deadline=None)
@given(content=hostile)
def test_nothing_of_the_text_is_lost(chat: ChatFormat, reference: Any, content: str) -> None:
    messages = turns(content)
    rendered = reference.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    decoded = reference.decode(chat.encode(messages))
    assert "".join(decoded.split()) == "".join(
        reference.decode(reference.encode(rendered, add_special_tokens=False)).split()
    )


def test_the_same_answer_tokens_as_transformers_in_history(chat: ChatFormat, reference: Any) -> None:
    messages = turns("Hello", "<think>hm</think>Paris", "And now?")
    expected = reference.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert chat.encode(messages) == expected


def test_templates_for_training_work_too(tmp_path: Path) -> None:
    template = (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] }}{% generation %}{{ message['content'] }}"
        "<|im_end|>{% endgeneration %}{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}"
        "{{ {'a': [1, 'é<']} | tojson }}{{ strftime_now('%Y')[:1] }}{{ ['b', 'a'] | sort | join('-') }}"
    )
    folder = write_chat_folder(tmp_path / "chat", TOKENIZERS["byte-level"](), template)
    messages = turns("Hello", "Hi", "And?", "dropped")
    reference = PreTrainedTokenizerFast.from_pretrained(folder)
    expected = reference.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert ChatFormat.load(folder).encode(messages) == expected


def test_counting_is_of_plain_text(chat: ChatFormat) -> None:
    assert chat.count("") == 0
    assert chat.count("<|im_end|>") > 1


def test_wrong_messages_are_refused(chat: ChatFormat) -> None:
    for messages in ([], [{"role": "tool", "content": "x"}], [{"role": "user"}], [{"role": "user", "content": 3}]):
        with pytest.raises(ChatError):
            chat.encode(messages)  # type: ignore[arg-type]


def test_threads_get_the_same(chat: ChatFormat) -> None:
    messages = turns("Hello <|im_end|> " * 20, "Yes", "And?")
    expected, found = chat.encode(messages), []
    threads = [threading.Thread(target=lambda: found.append(chat.encode(messages))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_a_short_chat_takes_under_two_milliseconds(chat: ChatFormat) -> None:
    messages = turns("What is the capital of France?", "Paris.", "And of Italy?")
    taken = []
    for _ in range(30):
        began = time.thread_time()
        chat.encode(messages)
        taken.append(time.thread_time() - began)
    assert sorted(taken)[len(taken) // 2] < 0.002


def test_a_normaliser_cannot_make_a_control_token(tmp_path: Path) -> None:
    from tokenizers import AddedToken, normalizers

    made: Tokenizer = TOKENIZERS["byte-level"]()
    made.normalizer = normalizers.NFKC()
    made.add_special_tokens([AddedToken("<|wide|>", special=True, normalized=True)])
    chat = ChatFormat.load(write_chat_folder(tmp_path / "wide", made, TEMPLATES["chatml"]))
    with pytest.raises(ChatError, match="control token"):
        chat.encode(turns("＜｜wide｜＞"))


@pytest.mark.parametrize("effort", ["low", "high", None])
def test_the_effort_gets_into_the_template(tmp_path: Path, effort: str | None) -> None:
    folder = write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), HARMONY)
    told = {} if effort is None else {"reasoning_effort": effort}
    reference = PreTrainedTokenizerFast.from_pretrained(folder)
    expected = reference.apply_chat_template(turns("Hi"), add_generation_prompt=True, return_dict=False, **told)
    ids = ChatFormat.load(folder).encode(turns("Hi"), effort=effort)
    assert ids == expected
    assert f"Reasoning: {effort or 'medium'}" in Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ids)


def test_which_templates_take_an_effort() -> None:
    assert takes_effort(HARMONY)
    assert not any(map(takes_effort, TEMPLATES.values()))
    assert not takes_effort("{# reasoning_effort #}{{ messages[0].reasoning_effort }}")
    with pytest.raises(ChatError):
        takes_effort("{% if %}")


def test_thoughts_that_are_in_a_message_are_not_fed_back(tmp_path: Path) -> None:
    """As the template of R1 does it; our own history has none in the first place."""
    chat = ChatFormat.load(write_chat_folder(tmp_path, TOKENIZERS["byte-level"](), TEMPLATES["reasoning"]))
    with_thoughts = turns("2+2?", "<think>Two and two</think>Four", "Sure?")
    assert chat.encode(with_thoughts) == chat.encode(turns("2+2?", "Four", "Sure?"))
