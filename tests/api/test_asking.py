"""What a request of OpenAI's form becomes here: the job, its messages, pictures and tools; and when it is forgotten."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.api.actions import create_token, forget_calls
from apps.api.asking import ask
from apps.api.chat_request import MAX_PICTURES, read_chat_request
from apps.api.models import ApiCall, ApiToken
from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.actions import request_cancel
from apps.generations.errors import Refused
from apps.generations.models import Artifact, GenerationJob
from apps.generations.picture_store import path_of
from engine.store import ModelStore
from tests.conversations.seeing import hosted_janus
from tests.engine.janus.tiny import make_janus
from tests.engine.pictures.files import drawing, encoded
from tests.generations.conftest import Submit, model, settings_of_tests, submit, tiny_store
from tests.generations.tool_models import SHOWING, hosted_with_tools
from tests.world import World

__all__ = ["model", "settings_of_tests", "submit", "tiny_store"]
CAT, BOAT = encoded(drawing()), encoded(drawing(80, 64).rotate(90))
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call00000", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Bremen"}'}}
CALLED: list[dict[str, Any]] = [
    {"role": "user", "content": "Rain?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "I should look."},
    {"role": "tool", "tool_call_id": "call00000", "content": "yes"},
]


@pytest.fixture
def token(world: World) -> ApiToken:
    return create_token(actor=world.editor, project=world.project, name="Notebook", days=30)[0]


def asked(token: ApiToken, messages: list[dict[str, Any]], model: str = "tiny", **more: Any) -> GenerationJob:
    return ask(token, read_chat_request({"model": model, "messages": messages} | more))


def shown(data: bytes, text: str = "What is this?") -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return {
        "role": "user",
        "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}],
    }


def test_roles_and_parts(token: ApiToken, model: HostedModel) -> None:
    parts = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]
    job = asked(
        token, [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts, "name": "Jo"}]
    )
    assert job.messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "One.\nTwo."}]


def test_an_answer_of_openais_that_was_a_refusal(token: ApiToken, model: HostedModel) -> None:
    said = {"role": "assistant", "content": None, "refusal": "I can't."}
    job = asked(token, [{"role": "user", "content": "Hello"}, said, {"role": "user", "content": "Why?"}])
    assert job.messages[1] == {"role": "assistant", "content": "I can't."}


@pytest.mark.parametrize("name", ["function_call", "audio"])
def test_what_is_not_read_of_a_message_is_refused(token: ApiToken, model: HostedModel, name: str) -> None:
    said = {"role": "assistant", "content": "", name: {"name": "weather", "arguments": "{}", "id": "x"}}
    with pytest.raises(Refused, match=f"has a {name}, which isn't read here"):
        asked(token, [{"role": "user", "content": "Hello"}, said, {"role": "user", "content": "Why?"}])


def test_names_of_parameters(token: ApiToken, model: HostedModel) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    job = asked(
        token,
        [{"role": "user", "content": "Hello"}],
        max_completion_tokens=9,
        stop="END",
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}},
        logprobs=True,
        user="somebody",
        store=False,
        temperature=None,
    )
    wanted = {"max_tokens": 9, "stop": ["END"], "output_format": "json_schema", "certainty": True, "temperature": 0.7}
    assert {name: job.params[name] for name in wanted} == wanted


def test_the_audit_log_tells_which_token_asked(token: ApiToken, model: HostedModel) -> None:
    job = asked(token, [{"role": "user", "content": "Hello"}])
    submitted = AuditEvent.objects.get(action="generation.submitted", target_id=job.pk)
    assert submitted.details["api_token"] == token.pk


@pytest.fixture
def handy(db: None, settings_of_tests: None, tiny_store: tuple[Path, str], tmp_path: Path) -> HostedModel:
    return hosted_with_tools(tiny_store[0], tmp_path / "handy", template=SHOWING)


def test_calls_of_tools_and_their_results_are_shown(token: ApiToken, handy: HostedModel) -> None:
    job = asked(token, CALLED, "handy", tools=[WEATHER])
    assert job.messages[1] == {"role": "assistant", "content": "", "tool_calls": [CALL]}
    assert job.messages[2] == {"role": "tool", "content": "yes", "name": "weather", "tool_call_id": "call00000"}
    assert asked(token, CALLED, "handy", tools=[WEATHER], tool_choice="none").params["tools"] is None


def test_calls_that_a_model_cant_be_shown_are_refused_not_left_out(token: ApiToken, model: HostedModel) -> None:
    with pytest.raises(Refused, match="Tiny can't be shown calls of tools: its chat template knows none"):
        asked(token, CALLED)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arguments": "{"}, "must be a JSON object"),
        ({"arguments": "[]"}, "must be a JSON object"),
        ({"arguments": {"place": "Bremen"}}, "must be"),
        ({"name": None}, "must be"),
    ],
)
def test_a_call_that_is_none(token: ApiToken, handy: HostedModel, change: dict[str, Any], said: str) -> None:
    call = CALL | {"function": {"name": "weather", "arguments": "{}"} | change}
    with pytest.raises(Refused, match=said):
        asked(token, [CALLED[0], CALLED[1] | {"tool_calls": [call]}, CALLED[2]], "handy")


@pytest.fixture
def janus(db: None, settings_of_tests: None, tiny_store: tuple[Path, str], tmp_path: Path) -> HostedModel:
    folder = make_janus(tmp_path / "janus")
    digest = ModelStore(tiny_store[0]).install(folder, {"source": "path:janus"}).digest
    return hosted_janus(folder, digest)


def test_pictures_of_messages(token: ApiToken, janus: HostedModel) -> None:
    job = asked(token, [shown(CAT), {"role": "assistant", "content": "A cat."}, shown(BOAT, "And this?")], "janus")
    kept = [Artifact.objects.get(pk=message["pictures"][0]) for message in job.messages if "pictures" in message]
    assert [(each.width, each.height) for each in kept] == [drawing().size, (80, 64)]
    assert {(each.project_id, each.origin) for each in kept} == {(token.project_id, "attached")}
    assert ApiCall.objects.get().pictures == [each.pk for each in kept]
    without = asked(token, [{"role": "user", "content": "What is this?"}], "janus")
    assert job.prompt_tokens > without.prompt_tokens


def test_pictures_that_cant_be_shown(token: ApiToken, model: HostedModel, janus: HostedModel) -> None:
    with pytest.raises(Refused, match="Tiny reads text only"):
        asked(token, [shown(CAT)])
    with pytest.raises(Refused, match="isn't whole"):
        asked(token, [{"role": "user", "content": [image_of("data:image/png;base64,§§§")]}], "janus")
    with pytest.raises(Refused, match="isn't whole"):
        asked(token, [{"role": "user", "content": [image_of("data:image/svg+xml,<svg/>")]}], "janus")
    with pytest.raises(Refused, match="picture"):
        asked(token, [shown(b"no picture")], "janus")
    with pytest.raises(Refused, match=f"Up to {MAX_PICTURES} pictures"):
        asked(token, [shown(CAT)] * (MAX_PICTURES + 1), "janus")
    with pytest.raises(Refused, match="only messages of the user"):
        asked(token, [shown(CAT) | {"role": "system"}], "janus")
    assert not GenerationJob.objects.exists()
    assert not Artifact.objects.exists()


def image_of(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_what_programs_asked_is_forgotten_after_a_while(
    token: ApiToken, janus: HostedModel, settings: Any, world: World
) -> None:
    job = asked(token, [shown(CAT)], "janus")
    request_cancel(actor=world.editor, job=job)
    picture = ApiCall.objects.get().pictures[0]
    assert forget_calls() == 0
    old = timezone.now() - timedelta(days=settings.API_KEEP_DAYS, minutes=1)
    ApiCall.objects.update(created_at=old)
    assert forget_calls() == 1
    job.refresh_from_db()
    assert (job.messages, job.prompt_ids, job.output) == ([], [], "")
    assert job.prompt_tokens
    assert not Artifact.objects.filter(pk=picture).exists()
    assert forget_calls() == 0


def test_what_is_kept_for_no_day_is_kept_until_its_program_has_it(
    token: ApiToken, model: HostedModel, settings: Any, world: World
) -> None:
    settings.API_KEEP_DAYS = 0
    job = asked(token, [{"role": "user", "content": "Hello"}])
    assert forget_calls() == 0
    request_cancel(actor=world.editor, job=job)
    assert forget_calls() == 0
    GenerationJob.objects.update(finished_at=timezone.now() - timedelta(minutes=2))
    assert forget_calls() == 1


def test_files_of_forgotten_pictures_are_gone(
    token: ApiToken, janus: HostedModel, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        asked(token, [shown(CAT)], "janus")
    picture = ApiCall.objects.get().pictures[0]
    assert path_of(picture).exists()
    ApiCall.objects.update(created_at=timezone.now() - timedelta(days=400))
    with django_capture_on_commit_callbacks(execute=True):
        forget_calls()
    assert not path_of(picture).exists()


def test_programs_take_no_place_of_their_person(
    token: ApiToken, model: HostedModel, settings: Any, submit: Submit
) -> None:
    settings.MAX_UNFINISHED_JOBS = 1
    hello = [{"role": "user", "content": "Hello"}]
    assert asked(token, hello).from_program
    assert not submit().from_program
    with pytest.raises(Refused, match="Wait for one"):
        asked(token, hello)
    with pytest.raises(Refused, match="Wait for one"):
        submit()
