"""Chat templates that mean harm: refused at install, in a process that can be killed, and stopped when they render."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from engine.chat import ChatError, ChatFormat, probe, probe_folder
from engine.chat.template import ChatTemplate
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
LONG = "{% set x = 'a@b.c ' * 16666 %}"
"""100,000 characters."""
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
    "joining letters": "{{ ('a' * 9999).join('b' * 9999)|length }}",
    "joining letters, as a filter": "{{ ('b' * 9999)|join('a' * 9999)|length }}",
    "joining with a lot by its name": "{{ range(999)|join(d='a' * 99999)|length }}",
    "joining the values of names": "{{ dict.fromkeys(range(999), 1).values()|join('a' * 99999)|length }}",
    "joining one after the other": LONG + "{{ range(999)|map(attribute='y', default=x)|join|length }}",
    "that as a method": LONG + "{{ ''.join(range(999)|map(attribute='y', default=x))|length }}",
    "a list of long ones, one after the other": LONG + "{{ range(99)|map('replace', '', x)|list|length }}",
    "indenting each line": "{{ ('a\n' * 9999)|indent(9999)|length }}",
    "indenting each line by a text": "{{ ('a\n' * 9999)|indent(width='b' * 9999)|length }}",
    "one text many times in a list": LONG + "{{ [x] * 999 }}",
    "that as a text": LONG + "{{ ([x] * 999)|string|length }}",
    "that as JSON": LONG + "{{ ([x] * 999)|tojson|length }}",
    "that as names": LONG + "{{ [{x: 1}] * 999 }}",
    "bytes": "{{ 'a'.encode() * 9 }}",
    "bytes of a number": "{{ (1).to_bytes(99999, 'big')|length }}",
    "translating by a list": "{{ ('a' * 9999).translate(['b' * 9999] * 98)|length }}",
    "a form with a wide field": "{{ '{:99999999}'.format('x')|length }}",
    "a form with a lot of fields": LONG + "{{ ('{0}' * 999).format(x)|length }}",
    "a form of names": LONG + "{{ ('{x}' * 999).format_map({'x': x})|length }}",
    "a form whose widths are given": "{{ ('{0:{1}}' * 999).format('x', 99999)|length }}",
    "a text that Jinja makes up": "{{ lipsum(n=9)|length }}",
    "adding up lists": "{{ ([[1]] * 9999)|sum(start=[])|length }}",
    "the same, told by its place": "{{ ([[1]] * 9999)|sum(none, [])|length }}",
    "a filter that takes long, often": LONG + "{{ ([x] * 80)|map('urlize')|map('urlize')|list|length }}",
}


@pytest.mark.parametrize("case", HARMFUL)
def test_stopped_in_this_process_too(case: str, tmp_path: Path) -> None:
    folder = write_chat_folder(tmp_path / "chat", byte_level(), HARMFUL[case])
    began = time.thread_time()
    tracemalloc.start()
    with pytest.raises(ChatError, match="chat template"):
        ChatFormat.load(folder).encode(HELLO)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.thread_time() - began < 10
    assert most < 64 * 2**20


@pytest.mark.parametrize("case", ["a loop without end", "the inside of Python", "no Jinja"])
def test_refused_at_install(case: str, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    with pytest.raises(StoreError, match="chat template"):
        store.install(make_folder(tmp_path / "model", template=HARMFUL[case]), {})
    assert list(store.manifests()) == []


def test_a_child_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the limits inside don't catch, the clock outside does."""
    monkeypatch.setattr(probe, "RENDER_SECONDS", 0.0)
    folder = write_chat_folder(tmp_path / "chat", byte_level(), HARMFUL["a loop without end"])
    with pytest.raises(ChatError, match="doesn't finish within 0 seconds"):
        probe_folder(folder)


def test_a_loop_that_is_handed_to_a_macro_goes_on() -> None:
    """It is one of Python's iterators too, and not to be read to its end."""
    source = "{% macro m(it) %}{{ it.index }}{% endmacro %}{% for x in 'ab' %}{{ m(loop) }}{% endfor %}"
    assert ChatTemplate(source, {}).render(HELLO) == "12"


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
