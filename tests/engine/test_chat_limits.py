"""Chat templates that mean harm: refused at install, in a process that can be killed, and stopped when they render."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.chat import ChatError, ChatFormat, probe, probe_folder
from engine.store import ModelStore, StoreError
from tests.engine.chat_models import TEMPLATES, byte_level, write_chat_folder
from tests.engine.model_folders import make_folder

HELLO = [{"role": "user", "content": "Hello"}]
TWICE = (
    "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(40) %}"
    "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}"
)
NAMES = "{% set n0 = namespace(x=1) %}" + "".join(
    f"{{% set n{i + 1} = namespace() %}}{{% set n{i + 1}.x = n{i} %}}{{% set n{i + 1}.y = n{i} %}}" for i in range(40)
)
"""The same thing held twice, forty times over: small, until it is written out."""
SQUARES = "{% set ns = namespace(x=9) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}"
HARMFUL = {
    "a loop without end": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a recursion without end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a text without end": "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
    "a long repetition": "{{ 'x' * 10000000000 }}",
    "a repetition the other way round": "{{ 10000000000 * 'x' }}",
    "doubling with +": "{% set n = namespace(x='x') %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling with ~": "{% set n = namespace(x='x') %}{% for a in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "a large power": "{{ 9 ** 9 ** 9 ** 9 }}",
    "a wide field": "{{ 'x'.ljust(10000000000) }}",
    "a wide format": "{{ '%10000000000d' % 1 }}",
    "a filter": "{{ 'x' | center(10000000000) }}",
    "an indent": "{{ 'x' | indent(10000000000, true) }}",
    "a deep indent of JSON": "{{ [1] | tojson(indent=10000000000) }}",
    "replacing by a lot": "{% set x = 'a' * 99999 %}{{ x.replace('a', x).replace('a', x) }}",
    "the filter that does": "{% set x = 'a' * 99999 %}{{ x | replace('a', x) }}",
    "joining a lot": "{% set x = 'a' * 99999 %}{{ ([x] * 99999) | join }}",
    "joining a lot, as a method": "{% set x = 'a' * 99999 %}{{ ','.join([x] * 99999) }}",
    "the inside of Python": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "a changed list": "{{ messages.append(1) }}",
    "a file": "{% include '/etc/passwd' %}",
    "no Jinja": "{% for %}",
    "an unknown name": "{{ nothing.at.all }}",
    "lists in lists, compared": TWICE + "{{ ns.x == ns.y }}",
    "lists in lists, as JSON": TWICE + "{{ ns.x|tojson }}",
    "lists in lists, as text": TWICE + "{{ ns.x }}",
    "names in names": NAMES + "{{ n40 }}",
    "names in names, joined": NAMES + "{{ n40 ~ n40 }}",
    "names in names, filtered": NAMES + "{{ n40|string|length }}",
    "names in names, in a form": NAMES + "{{ '{}'.format(n40)|length }}",
    "translating into a lot": "{% set x = 'a' * 999999 %}{{ x.translate({97: x})|length }}",
    "wide tabs": "{% set x = '\t' * 99999 %}{{ x.expandtabs(99999)|length }}",
    "a number without end": SQUARES,
}


@pytest.mark.parametrize("case", HARMFUL)
def test_stopped_in_this_process_too(case: str, tmp_path: Path) -> None:
    folder = write_chat_folder(tmp_path / "chat", byte_level(), HARMFUL[case])
    began = time.thread_time()
    with pytest.raises(ChatError, match="chat template"):
        ChatFormat.load(folder).encode(HELLO)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize("case", ["a loop without end", "the inside of Python", "no Jinja"])
def test_refused_at_install(case: str, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    with pytest.raises(StoreError, match="chat template"):
        store.install(make_folder(tmp_path / "model", template=HARMFUL[case]), {})
    assert list(store.manifests()) == []


def test_a_child_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the limits inside don't catch, the clock outside does."""
    monkeypatch.setattr(probe, "RENDER_SECONDS", 0.0)
    folder = write_chat_folder(tmp_path / "chat", byte_level(), TEMPLATES["chatml"])
    with pytest.raises(ChatError, match="doesn't finish within 0 seconds"):
        probe_folder(folder)


def test_ordinary_templates_pass(tmp_path: Path) -> None:
    probe_folder(write_chat_folder(tmp_path / "mistral", byte_level(), TEMPLATES["mistral"]))


def test_a_base_model_needs_no_template_but_holds_no_chats(tmp_path: Path) -> None:
    folder = write_chat_folder(tmp_path / "base", byte_level(), "")
    probe_folder(folder)
    with pytest.raises(ChatError, match="has no chat template"):
        ChatFormat.load(folder).encode(HELLO)


def test_what_a_template_declines_is_said_in_its_words(tmp_path: Path) -> None:
    chat = ChatFormat.load(write_chat_folder(tmp_path / "mistral", byte_level(), TEMPLATES["mistral"]))
    with pytest.raises(ChatError, match=r"can't take these messages: Roles must alternate"):
        chat.encode([*HELLO, *HELLO])


def test_long_messages_are_not_too_much_output(tmp_path: Path) -> None:
    chat = ChatFormat.load(write_chat_folder(tmp_path / "chat", byte_level(), TEMPLATES["llama3"]))
    assert len(chat.encode([{"role": "user", "content": "word " * 300_000}])) > 300_000
