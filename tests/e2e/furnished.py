"""Somebody whose pages have something in them: `tests.e2e.furniture`, asked for from outside the site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.e2e.browser import Complaints, new_page
from tests.e2e.site import environment
from tests.e2e.visitor import ANSWER_MS, Visitor
from tests.preloaded.running import run_python


def furnish(data: Path, email: str) -> dict[str, str]:
    """Put a little of everything into the site whose data is `data`. Returns what addresses are made of."""
    own = environment(ATRIUM_DATA=str(data), DJANGO_SETTINGS_MODULE="aiplatform.settings")
    made: dict[str, str] = json.loads(run_python(["-m", "tests.e2e.furniture", email], own).splitlines()[-1])
    return made


def member(
    browser: Browser, site: str, data: Path, questions: tuple[str, ...], tokens: int = 60
) -> tuple[Any, dict[str, str]]:
    """Somebody with a project, a conversation that has answers, and furniture: their cookies, and what `furnish` gives.

    Not called Ada, as those of other tests are, who look for their names in the lists of the console.
    """
    mary = Visitor(new_page(browser, Complaints()), site)
    mary.sign_up("Mary Somerville")
    mary.create_project("Lighthouse")
    conversation = mary.new_conversation(params={"max_tokens": tokens, "seed": 7})
    for number, question in enumerate(questions, 1):
        mary.ask(question)
        expect(mary.answers()).to_have_count(number, timeout=ANSWER_MS)
        mary.wait_for_end()
    cid = conversation.rstrip("/").rsplit("/", 1)[1]
    state = mary.page.context.storage_state()
    mary.page.context.close()
    return state, furnish(data, mary.email) | {"pid": mary.project_id, "cid": cid, "email": mary.email}
