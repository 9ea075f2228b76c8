"""Search over titles, prompts and completions."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client

from apps.conversations.models import Conversation, Message
from apps.conversations.search import text_matches, words
from apps.generations.models import GenerationJob
from apps.projects.models import Project
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.world import World


@pytest.fixture
def library(world: World) -> dict[str, Conversation]:
    model = listed_model()
    found = {}
    for title, prompt, completion in [
        ("Harbour plan", "Where do the ships anchor?", "They anchor in the eastern basin."),
        ("Cooking", "How long do lentils boil?", "Twenty minutes; add salt at the end."),
        ("コード", "def find_parent(node): return node.parent", "東京の天気は晴れです。"),
    ]:
        found[title] = make_conversation(world.project, world.editor, model, title)
        answered(asked(found[title], prompt), completion)
    return found


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("harbour", "Harbour plan"),
        ("harbor plan", "Harbour plan"),  # mistyped
        ("ship", "Harbour plan"),  # a prompt, by its stem
        ("anchors basin", "Harbour plan"),  # a completion, both words
        ("lentil", "Cooking"),
        ('"add salt"', "Cooking"),
        ("minutes -boil", "Cooking"),  # excluded word stands in another message
        ("ind_par", "コード"),  # a part of a name in code
        ("天気", "コード"),  # no spaces between words
    ],
)
def test_finds(library: dict[str, Conversation], world: World, query: str, title: str) -> None:
    found = Conversation.objects.visible().search(query, world.project)
    assert [conversation.title for conversation in found] == [title]


@pytest.mark.parametrize("query", ["zebra", "%", "_", "' OR 1=1 --", "& | ! ( ) :*", "\\", '"'])
def test_finds_nothing_and_breaks_nothing(library: dict[str, Conversation], world: World, query: str) -> None:
    found = Conversation.objects.visible().search(query, world.project)
    expected = ["コード"] if query == "_" else []
    assert [conversation.title for conversation in found] == expected


def test_stays_in_its_project_and_out_of_the_bin(library: dict[str, Conversation], world: World) -> None:
    other = Project.objects.create(name="Other")
    stranger = make_conversation(other, world.stranger, listed_model("another"), "Harbour of others")
    answered(asked(stranger, "ships"), "ships")
    assert not set(Conversation.objects.visible().search("harbour", world.project)) & {stranger}
    Conversation.objects.filter(title="Harbour plan").update(deleted_at="2026-01-01T00:00Z")
    assert not Conversation.objects.visible().search("harbour", world.project)


def test_a_similar_title_comes_before_a_mention(library: dict[str, Conversation], world: World) -> None:
    asked(library["Cooking"], "what is a harbour plan?")
    found = Conversation.objects.visible().search("harbour plan", world.project)
    assert [conversation.title for conversation in found] == ["Harbour plan", "Cooking"]


@pytest.mark.parametrize(
    ("queryset", "field", "index"),
    [(Message.objects, "text", "message_"), (GenerationJob.objects, "output", "job_output_")],
)
def test_uses_its_indexes(world: World, queryset: object, field: str, index: str) -> None:
    found = queryset.annotate(words=words(field)).filter(text_matches(field, "lighthouse keeper"))  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = found.order_by().explain()
    assert f"{index}words" in plan
    assert f"{index}trigrams" in plan


def test_a_very_long_prompt_can_be_stored_and_found(world: World) -> None:
    conversation = make_conversation(world.project, world.editor, listed_model())
    asked(conversation, "lighthouse " + " ".join(f"жж{number}" for number in range(150_000)))
    assert Conversation.objects.visible().search("lighthouse", world.project).get() == conversation


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("ship", "Where do the <mark>ships</mark> anchor?"),
        ("anchors basin", "They <mark>anchor</mark> in the eastern <mark>basin</mark>."),
        ("ind_par", "def f<mark>ind_par</mark>ent(node): return node.parent"),
        ("天気", "東京の<mark>天気</mark>は晴れです。"),
        ("Cooking", ""),
    ],
)
def test_the_list_shows_the_passage(
    library: dict[str, Conversation], world: World, editor: Client, query: str, passage: str
) -> None:
    page = editor.get(f"/p/{world.project.pk}/conversations/", {"q": query}).content.decode()
    shown = re.search(
        r'class="conversation-found">\s*<a href="/c/(\w+)/\?leaf=(\w+)#message-(\w+)">(.*?)\s*</a>', page, re.S
    )
    assert bool(shown) == bool(passage)
    if shown:
        assert shown[4] == passage
        assert shown[2] == shown[3]
        assert Message.objects.get(pk=shown[2]).conversation_id == shown[1]


def test_a_passage_is_text_and_the_latest_one(world: World, editor: Client) -> None:
    talk = make_conversation(world.project, world.editor, listed_model())
    first = asked(talk, "a lighthouse")
    asked(talk, "an ancient lighthouse", first)
    asked(talk, "<script>alert(1)</script> \x03lighthouse\x02 <b>" + " tide" * 40, first)
    page = editor.get(f"/p/{world.project.pk}/conversations/", {"q": "lighthouse"}).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<mark>lighthouse</mark>" in page
    assert "ancient" not in page
