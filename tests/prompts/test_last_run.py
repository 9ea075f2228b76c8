"""A prompt's page shows its reader's last run again: the answer is kept, so a reload loses nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from django.test import Client

from apps.accounts.models import User
from apps.generations.models import GenerationJob, State
from apps.projects.models import Membership, Project
from apps.prompts.access import get_revision
from apps.prompts.models import Prompt, PromptRun
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.prompts.build import write
from tests.world import World


def ran(prompt: Prompt, project: Project, user: User, job: GenerationJob | None = None) -> PromptRun:
    version = listed_model(f"m{PromptRun.objects.count()}").default_version
    job = job or GenerationJob.objects.create(
        project=project, user=user, model_version=version, state=State.SUCCEEDED, output="At noon."
    )
    return PromptRun.objects.create(revision=get_revision(prompt), user=user, job=job)


def shown(user: User, prompt: Prompt) -> Any:
    client = Client()
    client.force_login(user)
    page = client.get(f"/prompts/{prompt.pk}/").content.decode()
    state = re.search(r'<script id="prompt-state" type="application/json">(.*?)</script>', page, re.S)
    assert state
    return json.loads(state[1])["run"]["last"]


def test_the_last_one_is_there_with_its_rating(world: World) -> None:
    prompt = write(world.owner, params={"max_tokens": 9})
    assert shown(world.editor, prompt) is None
    ran(prompt, world.project, world.editor)
    last = ran(prompt, world.project, world.editor)
    PromptRun.objects.filter(pk=last.pk).update(rating=4)
    told = shown(world.editor, prompt)
    assert (told["run"], told["job"], told["rating"], told["revision"]) == (last.pk, last.job_id, 4, 1)
    assert told["urls"]["events"] == f"/prompts/runs/{last.pk}/events/"


def test_nobody_else_s_and_none_of_a_project_that_was_left(world: World) -> None:
    prompt = write(world.owner)
    ran(prompt, world.project, world.editor)
    assert shown(world.owner, prompt) is None
    Membership.objects.filter(project=world.project, user=world.editor).delete()
    assert shown(world.editor, prompt) is None


def test_what_was_asked_in_a_conversation_stays_there(world: World) -> None:
    prompt = write(world.owner)
    talk = make_conversation(world.project, world.editor, listed_model())
    ran(prompt, world.project, world.editor, answered(asked(talk, "When?"), "At noon.").job)
    assert shown(world.editor, prompt) is None
