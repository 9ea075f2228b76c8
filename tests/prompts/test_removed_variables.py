"""A variable that the next revision no longer has is gone from everything that is made of that revision."""

from __future__ import annotations

import json

from django.test import Client

from apps.prompts import actions
from apps.prompts.access import get_revision
from apps.prompts.comparing import compare
from apps.prompts.content import clean_content
from apps.prompts.filling import filled_in
from apps.prompts.frontmatter import exported, imported
from apps.prompts.models import Prompt
from tests.prompts.build import TIDES, write
from tests.world import World

WITHOUT_TONE = {"system": "You are a harbour pilot."}
"""The editor still sends what was declared for it."""


def shortened(world: World) -> Prompt:
    prompt = write(world.editor, params={"temperature": 0.2})
    actions.revise(actor=world.editor, prompt=prompt, content=TIDES | WITHOUT_TONE)
    prompt.refresh_from_db()
    return prompt


def test_it_is_in_no_form_and_nobody_is_asked_for_it(world: World, client: Client) -> None:
    prompt = shortened(world)
    latest = get_revision(prompt)
    assert [each["name"] for each in latest.variables] == ["harbour"]
    assert latest.params == {}
    assert filled_in(latest, {"harbour": "Bremen", "tone": "gruff"})["system"] == "You are a harbour pilot."
    page = client.get(f"/prompts/{prompt.pk}/")
    state = page.context["state"]
    assert [each["name"] for each in state["revision"]["variables"]] == ["harbour"]
    assert "gruff" not in page.content.decode()
    client.force_login(world.editor)
    assert "gruff" not in client.get(f"/prompts/{prompt.pk}/edit/").content.decode()
    picked = client.get(f"/prompts/{prompt.pk}/revision.json").json()["revision"]
    assert [each["name"] for each in picked["variables"]] == ["harbour"]


def test_the_older_revision_still_has_it(world: World, client: Client) -> None:
    prompt = shortened(world)
    first = get_revision(prompt, 1)
    assert [each["name"] for each in first.variables] == ["harbour", "tone"]
    assert first.params == {"temperature": 0.2}
    assert "gruff" in client.get(f"/prompts/{prompt.pk}/?revision=1").content.decode()


def test_the_comparison_shows_that_it_went_and_not_that_it_stayed(world: World) -> None:
    prompt = shortened(world)
    fields = {each.label: each for each in compare(get_revision(prompt, 1), get_revision(prompt, 2))}
    assert set(fields) == {"System", "Variables", "Parameters"}
    rows = fields["Variables"].rows
    before, after = ("".join(piece.text for row in rows for piece in getattr(row, side)) for side in ("left", "right"))
    assert '"tone"' in before
    assert '"tone"' not in after
    back = {each.label for each in compare(get_revision(prompt, 2), get_revision(prompt, 1))}
    assert back == set(fields)


def test_restoring_brings_it_back_and_a_file_leaves_it_out(world: World) -> None:
    prompt = shortened(world)
    assert "tone" not in exported(get_revision(prompt))
    declared = f"---\nvariables: {json.dumps(TIDES['variables'])}\n---\nTell me of {{{{ harbour }}}}"
    assert [each["name"] for each in clean_content(imported(declared))["variables"]] == ["harbour"]
    restored = actions.restore(actor=world.editor, prompt=prompt, revision=get_revision(prompt, 1))
    assert restored.content() == get_revision(prompt, 1).content()
