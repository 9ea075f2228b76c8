"""Prompts: a long one with revisions and forks, short ones of others, comments, ratings and links."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import User
from apps.prompts.actions import comment, create_prompt, fork, rate_run, record_use, revise, set_production, star
from apps.prompts.actions.audience import set_visibility
from apps.prompts.models import Audience, Prompt
from apps.sharing.actions import create_link
from tests.e2e.furniture.people import People

NOTICE: dict[str, Any] = {
    "title": "Notice to mariners, in plain words",
    "summary": "Rewrites an official notice so that a weekend sailor knows what to do, where, and until when.",
    "system": "You are a {{ tone }} harbour pilot who has explained the same shoals for thirty years.",
    "user": "Rewrite this notice for people in small boats.\nKeep every position and time as it is.\n\n{{ notice }}\n\n"
    "Write in {{ language }}.",
    "variables": [
        {"name": "notice", "type": "string", "label": "The notice", "default": "Buoy 14 is unlit until 3 December."},
        {"name": "tone", "type": "choice", "choices": ["calm", "gruff"], "default": "calm"},
        {"name": "language", "type": "string", "label": "Language", "default": "English"},
    ],
    "tags": ["sea", "plain-words", "translation"],
    "licence": "CC-BY-4.0",
}
OTHERS = (
    ("A letter of thanks", "Warm, short, and never the same twice.", ["letters"]),
    ("Explain a stack trace", "Says which line is to blame and what to try first.", ["code", "python", "debugging"]),
    ("Minutes from a transcript of a meeting that nobody has taken notes in", "", []),
    ("Five questions for an interview", "Open questions about a person's work, from a short biography.", ["writing"]),
    ("Recipe for what is left in the fridge", "Asks what is there, then cooks.", ["home", "food"]),
)


def write(people: People) -> dict[str, str]:
    """Returns the ids of the long prompt and of a fork of it, and the token of a link to it."""
    prompt = create_prompt(actor=people.member, content=NOTICE, visibility=Audience.PUBLIC, note_text="First version")
    changed = NOTICE | {"user": NOTICE["user"].replace("small boats", "small boats, in at most eight sentences")}
    second = revise(actor=people.member, prompt=prompt, content=changed, note_text="Shorter answers")
    warmer = changed | {"system": changed["system"] + "\nYou never make fun of beginners.", "licence": "CC0-1.0"}
    revise(actor=people.member, prompt=prompt, content=warmer)
    set_production(actor=people.member, prompt=prompt, revision=second)
    for number, (title, summary, tags) in enumerate(OTHERS):
        _of_another(people.others[number], title, summary, tags)
    _liked(prompt, people)
    _, token = create_link(
        actor=people.member, kind="prompt", target_id=prompt.pk, label=prompt.title,
        expires_at=timezone.now() + timedelta(days=7),
    )  # fmt: skip
    return {"prompt": prompt.pk, "fork": _forked(prompt, people).pk, "shared_prompt": token}


def _of_another(author: User, title: str, summary: str, tags: list[str]) -> None:
    content = {"title": title, "summary": summary, "tags": tags, "user": "Write about {{ subject }}."}
    star(actor=author, prompt=create_prompt(actor=author, content=content, visibility=Audience.MEMBERS))


def _liked(prompt: Prompt, people: People) -> None:
    for number, person in enumerate(people.others[:6]):
        star(actor=person, prompt=prompt)
        for revision in prompt.revisions.all():
            run = record_use(actor=person, revision=revision)
            rate_run(actor=person, run=run, rating=1 + (number + revision.number) % 5)
    comment(actor=people.others[0], prompt=prompt, text="It kept 53°52′N as it was, which the last one did not.")
    comment(actor=people.member, prompt=prompt, text="Thank you!\n\nThe next revision asks for shorter sentences.")


def _forked(prompt: Prompt, people: People) -> Prompt:
    assert prompt.production
    theirs = fork(actor=people.others[0], revision=prompt.production)
    set_visibility(actor=people.others[0], prompt=theirs, visibility=Audience.PUBLIC)
    german = theirs.revisions.get().content() | {"title": "Bekanntmachung für Seefahrer, in einfachen Worten"}
    revise(actor=people.others[0], prompt=theirs, content=german, note_text="German")
    fork(actor=people.member, revision=theirs.revisions.first())  # type: ignore[arg-type]
    return theirs
