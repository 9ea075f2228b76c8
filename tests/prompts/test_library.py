"""Finding, comparing, following lineage, and files."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.prompts import actions
from apps.prompts.access import get_revision
from apps.prompts.comparing import compare
from apps.prompts.content import clean_content
from apps.prompts.frontmatter import exported, imported
from apps.prompts.lineage import lineage
from apps.prompts.models import Audience, PromptRevision, PromptRun
from apps.prompts.ratings import overall_ratings
from apps.prompts.search import Search, find
from tests.prompts.build import TIDES, write
from tests.world import World


@pytest.mark.parametrize("query", ["tide", "tied table", "Cuxhaven pilot", "harbour"])
def test_search_finds_words_and_mistyped_titles_and_nothing_private(world: World, query: str) -> None:
    public = write(world.editor, user="Ask the Cuxhaven pilot about {{ harbour }}")
    write(world.editor, Audience.PRIVATE)
    assert list(find(AnonymousUser(), Search(query=query))) == [public]
    assert list(find(world.stranger, Search(query=query, sort="top"))) == [public]


@pytest.mark.parametrize("sort", ["", "top"])
def test_search_reads_indexes_and_no_prompt_besides(world: World, sort: str) -> None:
    """Few rows are faster read than looked up, so reading them in a row is made dear here."""
    write(world.editor)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    plan = find(AnonymousUser(), Search(query="tied table", sort=sort)).explain()
    assert "Bitmap Index Scan on prompt_words" in plan
    assert "Bitmap Index Scan on prompt_trigrams" in plan
    assert "Seq Scan on prompts_prompt" not in plan


def test_an_answer_format_is_compared_line_by_line(world: World) -> None:
    prompt = write(world.editor, params={"temperature": 0.5})
    schema = '{\n  "type": "object"\n}'
    params = {"temperature": 0.5, "output_format": "json_schema", "json_schema": schema}
    new = actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"params": params})
    (field,) = compare(get_revision(prompt, 1), new)
    assert field.label == "Answer format"
    assert ["".join(piece.text for piece in row.right) for row in field.rows] == ["JSON schema", *schema.split("\n")]
    assert f"json_schema: |-\n    {schema.splitlines()[0]}\n" in exported(new)


def test_an_export_reads_back_the_same(world: World) -> None:
    revision = get_revision(write(world.editor))
    assert clean_content(imported(exported(revision))) == revision.content()


@pytest.mark.parametrize(
    "content",
    [
        {"summary": "Use *bold* words & more, *always*: see &c"},
        {"title": "2026-11-27", "summary": "yes"},
        {"system": "Mind\n<!-- prompt -->\nthe gap"},
        {"system": "", "user": "<!-- system -->\nWho?\n\n<!-- prompt -->\nMe"},
        {"system": "<!-- system -->", "user": "<!-- prompt -->"},
        {"user": "---\ntitle: no\n---\nHello"},
        {"params": {"output_format": "json_schema", "json_schema": '{\n  "type": "object",\n  "title": "é: #"\n}\n'}},
        {"params": {"output_format": "json_schema", "json_schema": "\n   {\t\n \n}  \n\n"}},
        {"params": {"output_format": "regex", "regex": "---\n(yes|no) \x85\u2028'"}},
        {"variables": [{"name": "harbour", "type": "text", "default": "a\n---\n- *b\n# c", "help": "'\"{}[]%@`"}]},
    ],
)
def test_whatever_an_export_holds_reads_back_the_same(content: dict[str, Any]) -> None:
    cleaned = clean_content(TIDES | content)
    assert clean_content(imported(exported(PromptRevision(**cleaned)))) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "---\n!!python/object/apply:os.system ['true']\n---\nHi",
        "---\na: &a [x]\nb: [*a, *a]\n---\nHi",
        "---\nevil: 1\n---\nHi",
        "---\n[1, 2]\n---\nHi",
        "---\n" + "[" * 5_000 + "\n---\nHi",
        "---\n" + "{a: " * 5_000 + "\n---\nHi",
        "x" * 400_000,
    ],
)
def test_hostile_files_are_refused(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(ValidationError):
        imported(text)
    assert time.thread_time() - began < 0.3, "reading it took long, for anybody who asked"


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


def test_alike_words_take_no_time_to_compare() -> None:
    """Word by word this took half a minute, for anybody who asked."""

    def text(seed: int) -> str:
        chosen = random.Random(seed)
        return "\n".join(" ".join(chosen.choices("ab", k=700)) for _ in range(70))

    started = time.process_time()
    (field,) = compare(PromptRevision(user=text(1)), PromptRevision(user=text(2)))
    assert time.process_time() - started < 10
    assert len(field.rows) == 70
    assert all(row.left and row.right and row.kind == "change" for row in field.rows)


def test_nobody_learns_the_name_of_somebody_who_shows_them_nothing(world: World, client: Client) -> None:
    write(world.stranger, Audience.PRIVATE)
    world.stranger.display_name = "Somebody Unseen"
    world.stranger.save()
    address = f"/prompts/?author={world.stranger.pk}"
    assert "Somebody Unseen" not in client.get(address).content.decode()
    write(world.stranger)
    assert "Somebody Unseen" in client.get(address).content.decode()


@pytest.mark.parametrize(
    "page", ["/prompts/", "/prompts/{first}/", "/prompts/{first}/revisions/", "/prompts/{first}/lineage/"]
)
def test_a_longer_list_costs_no_more_queries(world: World, client: Client, page: str) -> None:
    first = write(world.editor)

    def grow(number: int) -> None:
        for count in range(number):
            actions.comment(actor=world.viewer, prompt=first, text="Good", revision=get_revision(first))
            actions.revise(actor=world.editor, prompt=first, content=TIDES | {"title": f"Tides {number} {count}"})
            fork = actions.fork(actor=world.stranger, revision=get_revision(first))
            actions.set_visibility(actor=world.stranger, prompt=fork, visibility=Audience.PUBLIC)
            first.refresh_from_db()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page.format(first=first.pk)).status_code == 200
        return len(captured)

    client.force_login(world.owner)
    grow(2)
    queries()  # the first page of a session costs one more
    few = queries()
    grow(6)
    assert queries() == few


def test_a_public_page_needs_no_account_and_shows_hostile_texts_as_text(world: World, client: Client) -> None:
    prompt = write(world.editor, user="<script>alert(1)</script> {{ harbour }}")
    actions.comment(actor=world.stranger, prompt=prompt, text="[x](javascript:alert(1)) <img src=//evil.example/x>")
    page = client.get(f"/prompts/{prompt.pk}/").content.decode()
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page


def test_a_card_tells_what_people_thought_of_it_one_voice_each(world: World, client: Client) -> None:
    prompt = write(world.editor)
    write(world.editor, title="Nobody's")
    for person, ratings in ((world.owner, (1, 5)), (world.viewer, (4,)), (world.stranger, (3, None))):
        for rating in ratings:
            run = actions.record_use(actor=person, revision=get_revision(prompt))
            PromptRun.objects.filter(pk=run.pk).update(rating=rating)
    assert overall_ratings([prompt]) == {prompt.pk: (4.0, 3)}
    page = client.get("/prompts/").content.decode()
    assert page.count("of 5, by 3 voices") == 1
    assert "4 / 5" in page
