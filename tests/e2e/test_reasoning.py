"""A model that thinks, in a real site: what it thinks is folded above its answer, and both are exact after reloads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.administrator import sign_in_as_admin
from tests.e2e.browser import Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.site import OURS, ROOT, running_site
from tests.e2e.visitor import ANSWER_MS, Visitor
from tests.engine.reciter import make_reciter

THOUGHTS = ["**First** ", "<img src=x onerror=alert(1)> ", *(f"thought{number} " for number in range(110))]
WORDS = [f"word{number} " for number in range(110)]
CALL = ["<tool_call>", '{"name": "get_tide", "arguments": {"place": "Brest"}}', "</tool_call>"]
THOUGHT, ANSWER = "".join(THOUGHTS).strip(), "".join(WORDS)
SLOW = 48
"""Layers: so many that it takes a while to say all that."""


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="atrium-think-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def site(data: Path, demo_model_store: Path) -> Iterator[str]:
    """A site of its own, where the model that thinks is one that everybody may use."""
    store = data / "models"
    shutil.copytree(demo_model_store, store)
    folder = make_reciter(data / "reciter", [*THOUGHTS, "</think>", "\n\n", *WORDS, *CALL], layers=SLOW)
    with running_site(data, store) as url:
        install = [
            "models",
            "install",
            f"path:{folder}",
            "--id",
            "thinker",
            "--name",
            "Thinker",
            "--license",
            "CC0-1.0",
            "--grant-everyone",
        ]
        environment = {name: value for name, value in os.environ.items() if name not in OURS}
        environment |= {"ATRIUM_DATA": str(data), "MODEL_STORE": str(store)}
        subprocess.run([sys.executable, "manage.py", *install], cwd=ROOT, env=environment, check=True)
        yield url


@pytest.fixture(scope="module")
def admin(browser: Any, site: str, data: Path) -> Any:
    return sign_in_as_admin(browser, site, data)


def ask(ada: Visitor) -> str:
    """Returns the address of the conversation."""
    conversation = ada.set_up(temperature=0, max_tokens=500)
    ada.post(f"{conversation}settings/", {"model": "thinker"})
    ada.page.reload()
    ada.ask("What is a tide?")
    return conversation


def fold(ada: Visitor) -> Locator:
    return ada.answers().last.locator("details.thinking")


def test_thoughts_are_folded_opened_and_exact_after_a_reload(visitor: MakeVisitor, admin: Any) -> None:
    ada = visitor()
    conversation = ask(ada)
    expect(fold(ada).locator("summary")).to_contain_text("Thinking… ", timeout=ANSWER_MS)
    ada.page.reload()
    expect(fold(ada).locator("summary")).to_be_visible(timeout=ANSWER_MS)
    ada.wait_for_text(10)
    ada.page.reload()
    shown = ada.wait_for_end()
    stored = ada.stored(conversation)[-1]
    assert (stored["reasoning"], stored["text"]) == (THOUGHT, ANSWER)
    assert stored["job"]["usage"]["reasoning_tokens"] == len(THOUGHTS) + 1
    assert shown == ANSWER.strip()
    assert ada.copied_answer() == ANSWER
    expect(fold(ada).locator("summary")).to_contain_text("Thought for ")
    body = fold(ada).locator(".thinking-body")
    expect(body).to_be_hidden()
    fold(ada).locator("summary").press("Enter")
    expect(body).to_be_visible()
    assert body.inner_text() == THOUGHT.replace("**", "")
    expect(body.locator("strong")).to_have_text("First")
    assert not body.locator("img").count()
    card = ada.answers().last.get_by_role("group", name="Tool call")
    expect(card).to_contain_text("The model asked to call get_tide with:")
    expect(card).to_contain_text('"place": "Brest"')
    ada.page.reload()
    assert ada.wait_for_end() == shown


def test_where_it_is_hidden_only_the_time_is_told(visitor: MakeVisitor, admin: Any, complaints: Complaints) -> None:
    boss, ada = visitor(storage_state=admin), visitor()
    page = boss.page
    page.goto(f"{boss.site}/console/models/thinker/")
    page.get_by_role("radio", name="Hidden").check()
    page.get_by_role("button", name="Save who reads it").click()
    expect(page.get_by_text("thinks is hidden now")).to_be_visible()
    heard: list[str] = []
    ada.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    conversation = ask(ada)
    expect(ada.answers().last.locator(".thinking-line")).to_contain_text("Thinking… ", timeout=ANSWER_MS)
    ada.wait_for_end()
    expect(ada.answers().last.locator(".thinking-line")).to_contain_text("Thought for ")
    expect(fold(ada)).to_be_hidden()
    stored = ada.stored(conversation)[-1]
    assert (stored["reasoning"], stored["text"]) == ("", ANSWER)
    assert any("word100" in frame for frame in heard)
    assert not any("thought1" in frame for frame in heard)
