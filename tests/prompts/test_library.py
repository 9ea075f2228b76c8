"""Finding, comparing, following lineage, and files."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.test import Client

from apps.prompts import actions
from apps.prompts.access import get_revision
from apps.prompts.comparing import compare
from apps.prompts.content import clean_content
from apps.prompts.frontmatter import exported, imported
from apps.prompts.lineage import lineage
from apps.prompts.models import Audience
from apps.prompts.search import Search, find
from tests.prompts.build import TIDES, write
from tests.world import World


@pytest.mark.parametrize("query", ["tide", "tied table", "Cuxhaven pilot", "harbour"])
def test_search_finds_words_and_mistyped_titles_and_nothing_private(world: World, query: str) -> None:
    public = write(world.editor, user="Ask the Cuxhaven pilot about {{ harbour }}")
    write(world.editor, Audience.PRIVATE)
    assert list(find(AnonymousUser(), Search(query=query))) == [public]
    assert list(find(world.stranger, Search(query=query, sort="top"))) == [public]


def test_an_export_reads_back_the_same(world: World) -> None:
    revision = get_revision(write(world.editor))
    assert clean_content(imported(exported(revision))) == revision.content()


@pytest.mark.parametrize(
    "text",
    [
        "---\n!!python/object/apply:os.system ['true']\n---\nHi",
        "---\na: &a [x]\nb: [*a, *a]\n---\nHi",
        "---\nevil: 1\n---\nHi",
        "---\n[1, 2]\n---\nHi",
        "---\n" + "[" * 5_000 + "\n---\nHi",
        "x" * 400_000,
    ],
)
def test_hostile_files_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        imported(text)


def test_a_private_fork_is_in_nobody_elses_lineage(world: World) -> None:
    origin = write(world.editor)
    copy = actions.fork(actor=world.stranger, revision=get_revision(origin))
    assert not lineage(AnonymousUser(), origin).children
    assert [child.id for child in lineage(world.stranger, copy).children] == [copy.pk]


def test_a_comparison_shows_the_words_that_differ(world: World) -> None:
    prompt = write(world.editor)
    second = actions.revise(
        actor=world.editor, prompt=prompt, content=TIDES | {"user": "When is ebb in {{ harbour }}?"}
    )
    (field,) = compare(prompt.revisions.get(number=1), second)
    assert field.label == "Prompt"
    assert "ebb" in [piece.text for piece in field.rows[0].right if piece.changed]


def test_a_public_page_needs_no_account_and_shows_hostile_texts_as_text(world: World, client: Client) -> None:
    prompt = write(world.editor, user="<script>alert(1)</script> {{ harbour }}")
    actions.comment(actor=world.stranger, prompt=prompt, text="[x](javascript:alert(1)) <img src=//evil.example/x>")
    page = client.get(f"/prompts/{prompt.pk}/").content.decode()
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page
