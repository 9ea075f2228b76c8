"""A small OpenAI-compatible server that runs our own engine: real generation, real events, over a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn

from engine.chat import ChatFormat
from engine.service import EngineThread
from engine.types import (
    ANY_OBJECT,
    Event,
    FinishEvent,
    GenerationRequest,
    OutputFormat,
    SamplingParams,
    TextEvent,
)

KEY = "sk-only-this-one"
PARAMETERS = (
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "repetition_penalty", "presence_penalty",
    "frequency_penalty", "ignore_eos",
)  # fmt: skip
CONTEXT = (
    "This model's maximum context length is {limit} tokens. However, you requested {total} tokens "
    "({prompt} in the messages, {completion} in the completion). Please reduce the length."
)


class OpenAIServer:
    """An ASGI application: POST /v1/chat/completions, streamed. `with_usage` is whether it counts for its clients,
    `pause_seconds` how much longer its engine takes for each piece."""

    def __init__(self, engine: EngineThread, model: str, folder: Path, context_length: int = 512) -> None:
        self.engine, self.model, self.context_length = engine, model, context_length
        self.format = ChatFormat.load(folder)
        self.with_usage = True
        self.pause_seconds = 0.0
        self.bodies: list[dict[str, Any]] = []
        self.ends: list[FinishEvent] = []
        self.ended = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = json.loads(await _whole(receive))
        headers = dict(scope["headers"])
        if headers.get(b"authorization") != f"Bearer {KEY}".encode():
            return await _refuse(
                send, 401, "Incorrect API key provided: " + headers.get(b"authorization", b"").decode()
            )
        if body["model"] != self.model or scope["path"] != "/v1/chat/completions":
            return await _refuse(send, 404, f"The model `{body['model']}` does not exist.")
        self.bodies.append(body)
        prompt = self.format.encode(body["messages"])
        if (total := len(prompt) + body["max_tokens"]) > self.context_length:
            said = {"prompt": len(prompt), "completion": body["max_tokens"], "limit": self.context_length}
            return await _refuse(send, 400, CONTEXT.format(total=total, **said))
        return await self._stream(body, prompt, receive, send)

    async def _stream(self, body: dict[str, Any], prompt: list[int], receive: Any, send: Any) -> None:
        name, loop, events = f"upstream-{len(self.bodies)}", asyncio.get_running_loop(), asyncio.Queue[Event | None]()
        chosen = {key: body[key] for key in PARAMETERS if key in body}
        wanted = _output_format(body.get("response_format"))
        params = SamplingParams(**chosen, stop=tuple(body.get("stop", ())), output_format=wanted)
        request = GenerationRequest(name, self.model, tuple(prompt), params)

        def tell(event: Event) -> None:
            time.sleep(self.pause_seconds)
            loop.call_soon_threadsafe(events.put_nowait, event)

        self.engine.submit(request, tell)
        gone = asyncio.create_task(_gone(receive, lambda: self.engine.cancel(name)))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await _event(send, {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        while not isinstance(event := await events.get(), FinishEvent):
            if isinstance(event, TextEvent):
                await _event(send, {"choices": [{"index": 0, "delta": {"content": event.text}}]})
        self.ends.append(event)
        self.ended.set()
        gone.cancel()
        await _event(send, {"choices": [{"index": 0, "delta": {}, "finish_reason": str(event.reason)}]})
        if self.with_usage:
            counts = {"prompt_tokens": len(prompt), "completion_tokens": event.usage.completion_tokens}
            await _event(send, {"choices": [], "usage": counts})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


@contextmanager
def serving(app: OpenAIServer) -> Iterator[str]:
    """Its base URL, at a free port of this machine."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    )
    ready = threading.Event()
    startup = server.startup

    async def told(sockets: Any = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = told  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(10)


def _output_format(wanted: dict[str, Any] | None) -> OutputFormat | None:
    if wanted is None or wanted["type"] == "json_object":
        return None if wanted is None else ANY_OBJECT
    return OutputFormat("json_schema", json.dumps(wanted["json_schema"]["schema"]))


async def _whole(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _gone(receive: Any, then: Any) -> None:
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
        then()


async def _event(send: Any, data: dict[str, Any]) -> None:
    text = json.dumps({"object": "chat.completion.chunk", **data})
    await send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})


async def _refuse(send: Any, status: int, message: str) -> None:
    body = json.dumps({"error": {"message": message, "type": "BadRequestError", "code": status}}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
