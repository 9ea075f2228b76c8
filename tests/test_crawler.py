"""A stranger, and somebody without an account, follow every link, search for every word and guess every id.

What is private carries a mark; no page that they can open may show it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.api.actions import create_token
from apps.conversations.actions.sharing import share_conversation
from apps.conversations.models import Conversation
from apps.generations.models import GenerationJob, Kind, State
from apps.prompts.actions import comment, create_prompt, delete, fork
from apps.prompts.models import Audience, Prompt, PromptRevision
from apps.sharing.actions import create_link, revoke_link
from apps.sharing.models import ShareLink
from apps.studio.actions.boards import create_board
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.generations.pictures import hosted_painter
from tests.matrix.rooms.generations import ASKED, made
from tests.matrix.things import routes
from tests.world import World

MARK = "mark-7f3a91"
"""In every text that is not for strangers; never in what they search for."""
WORDS = ("zephyrine", "zephyr", "private", "lighthouse", "harbour")
LINK = re.compile(r"""(?:href|action|src)="(/[^"]*)\"""")
NOT_FOLLOWED = ("/static/", "/accounts/logout", "/metrics")
NOT_TO_BE_READ = 405
NUMBER = "256"
"""In the place of each number of an address: a size of a thumbnail."""
COMING_BACK = re.compile(r"[?&]next=[^&]*")
"""Where one goes after signing in: the same page without it, which is looked at once."""


@pytest.fixture
def private(world: World) -> dict[str, list[str]]:
    """Things that strangers may not see, beside some that they may. Returns the ids of the former by their kind."""

    def write(title: str, visibility: int, **more: Any) -> Prompt:
        content = {"title": f"{title} zephyrine", "user": f"Tell me of zephyrine {more.pop('mark', MARK)}"}
        return create_prompt(actor=world.owner, content=content, visibility=visibility, **more)

    own = write(f"Own {MARK}", Audience.PRIVATE)
    shared = write(f"Project {MARK}", Audience.PROJECT, project=world.project)
    hidden, gone = write(f"Hidden {MARK}", Audience.PUBLIC), write(f"Deleted {MARK}", Audience.PUBLIC)
    Prompt.objects.filter(pk=hidden.pk).update(hidden_at=timezone.now(), hidden_reason=MARK)
    delete(actor=world.owner, prompt=gone)
    public = write("Public", Audience.PUBLIC, mark="openly")
    assert public.head
    child = fork(actor=world.owner, revision=public.head)
    Prompt.objects.filter(pk=child.pk).update(title=f"Private fork {MARK}")
    said = comment(actor=world.owner, prompt=own, text=f"zephyrine {MARK}")
    talk = make_conversation(world.project, world.owner, listed_model(), f"Talk {MARK}")
    question = asked(talk, f"zephyrine {MARK}")
    answer = answered(question, f"zephyrine {MARK}", State.SUCCEEDED)
    painting = GenerationJob.objects.create(
        project=world.project,
        user=world.owner,
        model_version=hosted_painter().default_version,
        kind=Kind.IMAGE,
        state=State.SUCCEEDED,
        params=ASKED | {"prompt": f"zephyrine {MARK}"},
    )
    program, secret = create_token(actor=world.owner, project=world.project, name=f"Program {MARK}", days=None)
    revoked, token = create_link(actor=world.owner, kind="prompt", target_id=own.pk)
    revoke_link(actor=world.owner, link=revoked)
    return {
        "prompt": [own.pk, shared.pk, hidden.pk, gone.pk, child.pk],
        "revision": list(PromptRevision.objects.filter(prompt__in=[own, shared, child]).values_list("pk", flat=True)),
        "comment": [said.pk],
        "conversation": [talk.pk],
        "message": [question.pk, answer.pk],
        "job": [painting.pk, *([answer.job_id] if answer.job_id else [])],
        "artifact": [made(world, painting)],
        "board": [create_board(actor=world.owner, project=world.project, name=f"Board {MARK}").pk],
        "project": [world.project.pk],
        "link": list(ShareLink.objects.values_list("pk", flat=True)),
        "token": [token, secret],
        "api token": [program.pk],
    }


def guesses(client: Client, private: dict[str, list[str]]) -> Iterator[str]:
    """Every address of the site that can be read, with every id in every place."""
    identifiers = [identifier for found in private.values() for identifier in found]
    for _, pattern in routes():
        parts = re.findall(r"<(?:\w+:)?(\w+)>", pattern)
        if not parts or "(" in pattern or pattern.startswith(("accounts/", "sign-")):
            continue
        numbered = re.sub(r"<int:\w+>", NUMBER, pattern)
        addresses = list(dict.fromkeys("/" + re.sub(r"<[^>]+>", identifier, numbered) for identifier in identifiers))
        if client.get(addresses[0]).status_code != NOT_TO_BE_READ:  # said before any id is looked at
            yield from addresses


def searches() -> Iterator[str]:
    for word in WORDS:
        for page in ("prompt_library", "prompts_search", "project_list", "model_list"):
            yield f"{reverse(page)}?q={word}"
        yield f"{reverse('prompt_library')}?q={word}&sort=new"
        yield f"{reverse('prompt_library')}?tag={word}"


def crawl(client: Client, begin: list[str]) -> dict[str, str]:
    """What every page says that can be opened from `begin` on."""
    waiting, seen, said = deque(begin), set(begin), {}
    while waiting:
        address = waiting.popleft()
        response = client.get(address)
        text = (
            b"".join(response).decode(errors="replace")
            if response.streaming
            else response.content.decode("utf-8", "replace")
        )
        if response.status_code == 200:
            said[address] = text
        found = [unescape(link) for link in LINK.findall(text)]
        if location := response.headers.get("Location", ""):
            found.append(location)
        for link in found:
            link = COMING_BACK.sub("", link.partition("#")[0])
            if link.startswith("/") and not link.startswith(NOT_FOLLOWED) and link not in seen:
                seen.add(link)
                waiting.append(link)
    return said


@pytest.mark.parametrize("person", ["anonymous", "stranger"])
def test_a_stranger_finds_nothing_private(world: World, private: dict[str, list[str]], person: str) -> None:
    client = Client()
    if person != "anonymous":
        client.force_login(world.person(person))
    said = crawl(client, ["/", *searches(), *guesses(client, private)])
    assert any("Public zephyrine" in text for text in said.values()), "the crawler finds what is public"
    assert [address for address, text in said.items() if MARK in text] == []


def test_a_member_does_find_it(world: World, private: dict[str, list[str]]) -> None:
    """The negative control: the mark is there to be found by those whom it is for."""
    client = Client()
    client.force_login(world.owner)
    said = crawl(client, [*searches(), *guesses(client, {kind: private[kind] for kind in ("conversation", "prompt")})])
    assert any(MARK in text for text in said.values())


def test_the_link_of_a_shared_conversation_shows_what_was_chosen_and_no_more(world: World) -> None:
    talk: Conversation = make_conversation(world.project, world.owner, listed_model(), "Tides")
    first = asked(talk, "When is high tide?")
    answer = answered(first, "At noon.", State.SUCCEEDED)
    other = asked(talk, f"And then {MARK}?", answer)
    answered(other, MARK, State.SUCCEEDED)
    chosen = [first.pk, answer.pk]
    *_, token = share_conversation(actor=world.owner, conversation=talk, message_ids=chosen, lifetime=None)
    said = crawl(Client(), [reverse("shared_conversation", args=[token])])
    assert any("At noon." in text for text in said.values())
    assert [address for address, text in said.items() if MARK in text] == []
