"""One request on its way to an upstream and back: attempts, time limits, and what was used in the end."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from time import perf_counter
from typing import Any

import httpcore

from engine.answers import Reasoning, Segment
from engine.remote.answer import AnswerText
from engine.remote.calls import Calls
from engine.remote.chunks import DONE, Characters, Chunk, Counted, end_of, read_chunk
from engine.remote.estimate import estimated_tokens
from engine.remote.failures import SERVER, ContextOverflow, UpstreamFailure, broken, refusal, unreachable
from engine.remote.sse import EventStream
from engine.remote.upstream import RemoteConfig, Upstream
from engine.ticket import TextTicket
from engine.types import ANY_OBJECT, TOO_LATE, DemandedCalls, FinishReason, GenerationRequest, OutputFormat

MAX_ERROR = 16 * 1024
"""Bytes of an error's body that are read."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of a whole answer, JSON included."""
CHARACTERS_PER_TOKEN = 64
"""An answer with more than this for each of its `max_tokens` ends there, whatever the server thinks of limits."""
LINGER_SECONDS = 5.0
"""For the usage, which comes after the last word."""
NO_TLS = f"{SERVER} can't be trusted: its certificate is not valid here, or it speaks no TLS. Tell an administrator."
NO_FORMAT = f"{SERVER} takes JSON and JSON schemas only as the format of an answer. Choose one of them, or Text."
SLOW = {
    False: "The server of this model did not begin to answer within {:g} seconds. Try again later.",
    True: "The server of this model fell silent for {:g} seconds in the middle of this answer. Try again.",
}
BROKEN_OFF = {
    False: "ended without a word of an answer; some do so where a conversation is too long for them",
    True: "ended the answer in the middle",
}


class Call:
    """Tells the ticket all but its last event on failure: `run` raises UpstreamFailure for that."""

    def __init__(
        self, ticket: TextTicket, upstream: Upstream, pool: httpcore.AsyncConnectionPool, config: RemoteConfig
    ) -> None:
        self._ticket, self._upstream, self._pool, self._config = ticket, upstream, pool, config
        self._max_tokens = ticket.request.params.max_tokens
        self._most_characters = self._max_tokens * CHARACTERS_PER_TOKEN
        self._characters, self._thought_characters = Characters(), Characters()
        self._answer = AnswerText(ticket.request.answer_format, opens_reasoning=upstream.opens_reasoning)
        self._calls = Calls()
        self._written = 0
        self._end: FinishReason | None = None
        self._usage: Counted | None = None
        self._accepted = False
        """Whether the server took the request, in any attempt."""
        self._busy = False
        """Whether it has taken it in this one."""
        self._fitted = False

    async def run(self) -> None:
        """Ends the ticket where the upstream ended the answer. Safe to cancel: the connection is closed at once."""
        try:
            await self._in_time()
        except UpstreamFailure as failure:
            if key := self._upstream.api_key:  # a server may repeat what it was sent
                failure.message = failure.message.replace(key, "…")
            raise
        finally:
            self._reconcile()
            self._ticket.tell(self._answer.push(self._characters.push("", final=True)) + self._answer.finish())
        assert self._end is not None, "without one the last attempt has failed"
        for call in self._calls.read():
            self._ticket.tool_call(call)
        self._ticket.finish(self._end)

    async def _in_time(self) -> None:
        limit = self._ticket.request.deadline_seconds
        try:
            async with asyncio.timeout(None if limit is None else limit - self._ticket.waited):
                await self._until_answered()
        except TimeoutError as error:
            if self._end is None:  # else only its usage was still to come
                raise UpstreamFailure("deadline", TOO_LATE) from error

    async def _until_answered(self) -> None:
        attempt = 1
        while True:
            try:
                await self._attempt()
                return
            except ContextOverflow as failure:
                if self._fitted or self._heard or not failure.room:
                    raise
                self._fitted, self._max_tokens = True, min(self._max_tokens, failure.room)
            except UpstreamFailure as failure:
                if self._heard or not failure.may_retry or attempt >= self._config.attempts:
                    raise
                await asyncio.sleep(self._pause(attempt, failure))
                attempt += 1

    @property
    def _heard(self) -> bool:
        """Whether anything of the answer came: from then on it is never asked for again."""
        return self._ticket.completion_tokens > 0

    def _pause(self, attempt: int, failure: UpstreamFailure) -> float:
        """Seconds before the next attempt. Raises the failure where the server asks for too many."""
        if failure.after is not None and failure.after > self._config.longest_wait_seconds:
            raise failure
        grown = self._config.backoff_seconds * float(2 ** (attempt - 1))
        return max(failure.after or 0.0, grown * random.uniform(0.75, 1.25))  # noqa: S311 - to spread them out

    async def _attempt(self) -> None:
        began, self._busy = perf_counter(), False
        try:
            async with asyncio.timeout(self._upstream.first_token_seconds) as clock:
                await self._ask(clock)
        except UpstreamFailure:
            if self._end is None:  # what comes after the last word can't make it unsaid
                raise
        except TimeoutError as error:
            if self._end is None:
                raise self._too_slow() from error
        except httpcore.ConnectTimeout as error:
            raise unreachable(f"it did not answer within {self._config.connect_seconds:g} seconds") from error
        except httpcore.ConnectError as error:
            if isinstance(error.__context__, ssl.SSLError):
                raise UpstreamFailure("upstream_unreachable", NO_TLS) from error
            raise unreachable("no connection could be made") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            if self._end is None:
                raise broken("closed the connection before the end", may_retry=True) from error
        finally:
            if self._busy:
                self._ticket.device_seconds += perf_counter() - began

    def _too_slow(self) -> UpstreamFailure:
        limits = self._upstream.first_token_seconds, self._upstream.between_tokens_seconds
        return UpstreamFailure("upstream_timeout", SLOW[self._heard].format(limits[self._heard]))

    async def _ask(self, clock: asyncio.Timeout) -> None:
        async with self._pool.stream(
            "POST",
            self._upstream.chat_url,
            headers=headers_for(self._upstream),
            content=json.dumps(body_of(self._ticket.request, self._upstream.model, self._max_tokens)).encode(),
            extensions={"timeout": {"connect": self._config.connect_seconds}},
        ) as response:
            await _check(response, self._upstream.api_key)
            if not self._accepted:
                self._ticket.started()
            self._accepted = self._busy = True
            async for chunk in _chunks(response):
                if not self._take(chunk, clock):
                    return
        if self._end is None:
            raise broken(BROKEN_OFF[self._heard], may_retry=True)

    def _take(self, chunk: Chunk, clock: asyncio.Timeout) -> bool:
        """Whether to go on."""
        now = asyncio.get_running_loop().time()
        self._usage = chunk.usage or self._usage
        if chunk.text or chunk.reasoning or chunk.calls:
            clock.reschedule(now + self._upstream.between_tokens_seconds)
            self._ticket.token()  # as far as one can tell before the server counts them
        self._ticket.tell(self._read(chunk))
        self._written += self._calls.add(chunk.calls, self._most_characters - self._written)
        if chunk.finish and self._end is None:
            self._end = end_of(chunk.finish)
            clock.reschedule(now + LINGER_SECONDS)
        elif self._written >= self._most_characters:
            self._end = FinishReason.LENGTH
            return False
        return not self._ticket.finished  # it is where its sink broke

    def _read(self, chunk: Chunk) -> list[Segment]:
        """Its text: reasoning that the server tells apart, and what stands in the answer."""
        segments: list[Segment] = []
        if chunk.reasoning:
            self._answer.told_apart()
            segments.append(Reasoning(self._kept(self._thought_characters.push(chunk.reasoning))))
        if chunk.text:
            segments += self._answer.push(self._kept(self._characters.push(chunk.text)))
        if chunk.reasoning or (chunk.text and self._answer.reasoning):
            self._ticket.thought()
        return segments

    def _kept(self, text: str) -> str:
        """As much of it as the answer may still have."""
        text = text[: self._most_characters - self._written]
        self._written += len(text)
        return text

    def _reconcile(self) -> None:
        """What the server counted, else what came; nothing where it never took the request."""
        ticket, counted = self._ticket, self._usage
        if counted and (counted.completion or not ticket.completion_tokens):
            came = max(1, ticket.completion_tokens)  # a piece may be several tokens
            ticket.reasoning_tokens = counted.reasoning or ticket.reasoning_tokens * counted.completion // came
            ticket.prompt_tokens, ticket.completion_tokens = counted.prompt, counted.completion
        elif self._accepted:
            asked = ticket.request
            ticket.prompt_tokens, ticket.is_estimate = estimated_tokens(asked.messages, asked.tools), True


def headers_for(upstream: Upstream) -> list[tuple[str, str]]:
    headers = {
        "Host": upstream.host,
        "Content-Type": "application/json",
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
        "User-Agent": "atrium",
    }
    if upstream.api_key:
        headers["Authorization"] = f"Bearer {upstream.api_key}"
    return list(headers.items())


def body_of(request: GenerationRequest, model: str, max_tokens: int) -> dict[str, Any]:
    """As JSON. What OpenAI doesn't know, but vLLM, SGLang and llama.cpp do, is sent only where it changes something."""
    params = request.params
    body: dict[str, Any] = {
        "model": model,
        "messages": [_sent(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
    }
    neutral = {
        "seed": None, "stop": (), "presence_penalty": 0.0, "frequency_penalty": 0.0,
        "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "ignore_eos": False,
    }  # fmt: skip
    wanted: dict[str, Any] = {}
    if request.demanded is not None:
        wanted |= _demand(request.demanded)
    elif params.output_format is not None:
        wanted["response_format"] = response_format(params.output_format)
    if request.tools:
        wanted["tools"] = [dict(tool) for tool in request.tools]
    if request.effort:
        wanted["reasoning_effort"] = request.effort
    return body | wanted | {name: value for name, usual in neutral.items() if (value := getattr(params, name)) != usual}


def _demand(demanded: DemandedCalls) -> dict[str, Any]:
    named = {"type": "function", "function": {"name": demanded.name}}
    one = {"parallel_tool_calls": False} if demanded.only_one and not demanded.name else {}
    return {"tool_choice": named if demanded.name else "required"} | one


def _sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """In OpenAI's form a result names its call, not its tool."""
    return {name: value for name, value in message.items() if name != "name"}


def response_format(wanted: OutputFormat) -> dict[str, Any]:
    """As OpenAI describes it. Raises UpstreamFailure for what each server takes in its own way."""
    if wanted == ANY_OBJECT:
        return {"type": "json_object"}
    if wanted.kind != "json_schema":
        raise UpstreamFailure("bad_request", NO_FORMAT)
    try:
        schema = json.loads(wanted.text)
    except (ValueError, RecursionError) as error:
        raise UpstreamFailure("bad_request", f"The JSON schema isn't JSON: {error}.") from error
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


async def _check(response: httpcore.Response, key: str) -> None:
    """Raises UpstreamFailure unless this is a stream of events; `key` is never quoted in it."""
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    if response.status != 200:
        said = await _beginning(response)
        said = said.replace(key.encode(), "…".encode()) if key else said
        raise refusal(response.status, said, headers.get(b"retry-after"))
    kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        raise broken(f"did not stream its answer, but sent {kind[:60] or 'something'!r}")
    if headers.get(b"content-encoding", "identity").lower() != "identity":
        raise broken("compressed its answer, although it was asked not to")


async def _beginning(response: httpcore.Response) -> bytes:
    body = b""
    async for piece in response.aiter_stream():
        body += piece
        if len(body) >= MAX_ERROR:
            break
    return body[:MAX_ERROR]


async def _chunks(response: httpcore.Response) -> AsyncIterator[Chunk]:
    """Until the end that the server states, or that of the connection."""
    events, size = EventStream(), 0
    async for piece in response.aiter_stream():
        size += len(piece)
        if size > MAX_ANSWER:
            raise broken("sent an answer without end")
        for data in events.feed(piece):
            if data.strip() == DONE:
                return
            yield read_chunk(data)
    for data in events.close():
        if data.strip() != DONE:
            yield read_chunk(data)
