"""Whatever goes wrong, programs get an answer in the form that they know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient

from aiplatform.body_limit import BodyLimit
from apps.catalog.models import HostedModel
from apps.generations.models import GenerationJob, State
from apps.lib.database import in_thread
from tests.api.conftest import LONG, Program, error_of
from tests.api.test_hanging_up import nobody_may_write
from tests.generations.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@asynccontextmanager
async def altered(change: str, back: str) -> AsyncIterator[None]:
    await in_thread(execute, change)
    try:
        yield
    finally:
        await in_thread(execute, back)


async def while_altered(program: Program, change: str, back: str) -> Any:
    program._client = AsyncClient(raise_request_exception=False)
    async with altered(change, back):
        return await program.chat()


async def test_a_failure_of_ours(program: Program, model: HostedModel) -> None:
    response = await while_altered(
        program, "ALTER TABLE api_apicall RENAME TO gone", "ALTER TABLE gone RENAME TO api_apicall"
    )
    status, _, words = error_of(response)
    assert (status, response["X-Should-Retry"]) == (500, "false")
    assert "tell an administrator" in words


async def test_a_database_that_is_away(program: Program, model: HostedModel) -> None:
    name = connection.settings_dict["NAME"]
    async with nobody_may_write():
        response = await while_altered(
            program,
            f'ALTER DATABASE "{name}" SET lock_timeout = 300',
            f'ALTER DATABASE "{name}" RESET lock_timeout',
        )
    status, _, words = error_of(response)
    assert (status, response["Retry-After"]) == (503, "10")
    assert "X-Should-Retry" not in response
    assert "Ask again" in words


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
async def test_a_database_that_is_away_when_the_answer_is_there(
    program: Program, model: HostedModel, worker: Any, engine: ScriptedEngine, streams: bool
) -> None:
    engine.frozen.set()
    asking = asyncio.ensure_future((program.streamed if streams else program.chat)(max_tokens=3))
    async with asyncio.timeout(LONG):
        await until(State.RUNNING)
        async with altered(
            "ALTER TABLE generations_certainty RENAME TO gone", "ALTER TABLE gone RENAME TO generations_certainty"
        ):
            engine.frozen.clear()
            await until(State.SUCCEEDED)
            await asyncio.sleep(0.5)
        told = await asking
    assert told[-1] == "[DONE]" if streams else told.status_code == 200


async def until(state: State) -> None:
    while not await in_thread(GenerationJob.objects.filter(state=state).exists):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("is_refused", [False, True], ids=["what is taken on", "what is refused"])
async def test_an_audit_log_that_cant_be_written(program: Program, model: HostedModel, is_refused: bool) -> None:
    if is_refused:
        await in_thread(model.grants.all().delete)
    response = await while_altered(
        program,
        "ALTER TABLE audit_auditevent ADD CONSTRAINT broken CHECK (false) NOT VALID",
        "ALTER TABLE audit_auditevent DROP CONSTRAINT broken",
    )
    assert error_of(response)[::2] == (
        503,
        "Nothing was changed, because the audit log can't be written just now. Try again in a minute.",
    )
    assert not await GenerationJob.objects.aexists()


async def test_what_is_too_large_for_the_site() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def nobody(*_: Any) -> None:
        raise AssertionError("it is not read")

    headers = [(b"content-length", b"101")]
    await BodyLimit(nobody, 100)({"type": "http", "path": "/v1/chat/completions", "headers": headers}, nobody, send)
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"content-type"]) == (413, b"application/json")
    error = json.loads(sent[1]["body"])["error"]
    assert (error["type"], error["message"]) == ("invalid_request_error", "That is too large to send at once.")


@pytest.mark.parametrize("address", ["/v1", "/v1/", "/v1/a%0Ab", "/v1/models/", "/v1//models", "/v1/%FF%2E"])
async def test_addresses_that_are_none(program: Program, address: str) -> None:
    status, _, words = error_of(await program.get(address))
    assert status == 404
    assert "This site offers GET /v1/models" in words


async def test_other_methods_are_told_which_one(program: Program, model: HostedModel) -> None:
    response = await program.get("/v1/chat/completions")
    assert (error_of(response)[0], response["Allow"]) == (405, "POST")
    for method in ("put", "delete", "patch", "options", "head"):
        response = await getattr(program._client, method)("/v1/models", headers=program._headers)
        assert (response.status_code, response["Allow"]) == (405, "GET")
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_nothing_is_kept_by_what_is_in_between(program: Program, model: HostedModel) -> None:
    for response in (await program.get("/v1/nothing"), await program.chat(n=2), await program.get("/v1/models")):
        assert response["Cache-Control"] == "no-store"


async def test_any_content_type_is_json(program: Program, model: HostedModel) -> None:
    """It is what is sent that counts; a form is none."""
    for content_type in ("text/plain", "application/json; charset=latin-1", "multipart/form-data; boundary=x", ""):
        response = await program._client.post(
            "/v1/chat/completions", b'{"n": 2}', content_type=content_type, headers=program._headers
        )
        assert error_of(response)[:2] == (400, "n")
