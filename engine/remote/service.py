"""The engine of upstreams: takes requests from any thread, asks their servers, and tells every request's end once.

    engine = RemoteEngine(source, RemoteConfig())
    engine.start()
    engine.submit(GenerationRequest(...), sink)     # sink gets StartedEvent? TextEvent* FinishEvent
    engine.stop(drain_seconds=10)

Obeys the same protocol as engine.service.EngineThread. One thread with an event loop; a request is a task in it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading

import httpcore

from engine.remote.call import Call
from engine.remote.failures import UpstreamFailure
from engine.remote.network import CheckedNetwork
from engine.remote.upstream import RemoteConfig, UpstreamSource
from engine.source import ModelUnavailable
from engine.ticket import EngineStopped, TextTicket
from engine.types import FinishReason, GenerationRequest, Sink

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""How long `stop` waits for the thread, beyond draining."""
BLIND = "Pictures can't be sent to models on other servers yet. Ask without them, or choose another model."
SHUTDOWN = "The worker is shutting down. Send the request again."
INTERNAL = "The request to the server of this model failed. The administrator finds the reason in the worker's log."


class RemoteEngine:
    """All methods but the constructor may be called from any thread, sinks excepted."""

    def __init__(self, source: UpstreamSource, config: RemoteConfig) -> None:
        self._source, self._config = source, config
        self._open: dict[str, TextTicket] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._lock = threading.Lock()
        self._accepting = False
        self._started = threading.Event()
        self._drain_seconds = 0.0
        self._ending = False
        self._thread = threading.Thread(target=self._main, name="remote-engine", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def submit(self, request: GenerationRequest, sink: Sink) -> None:
        """Accept a request: from now on it ends in exactly one FinishEvent, which may come before this returns.

        Raises EngineStopped, or ValueError where its id is in use; then it is not accepted.
        """
        ticket = TextTicket(request, sink, self._forget)
        with self._lock:
            if not self._accepting:
                raise EngineStopped("The engine is not running.")
            if request.id in self._open:
                raise ValueError(f"There is an unfinished request {request.id} already.")
            self._open[request.id] = ticket
            self._loop.call_soon_threadsafe(self._begin, ticket)

    def cancel(self, request_id: str) -> None:
        """End a request at once, keeping what it has, and close its connection. Unknown ids are ignored."""
        with self._lock:
            if self._accepting and request_id in self._open:
                self._loop.call_soon_threadsafe(self._cancel, request_id)

    def loaded(self) -> tuple[str, ...]:
        """Nothing: what an upstream has in its memory is its own affair."""
        return ()

    def loading(self) -> tuple[str, ...]:
        """Nothing, for the same reason."""
        return ()

    def unfinished(self) -> int:
        return len(self._open)

    def is_alive(self) -> bool:
        return self._accepting and self._thread.is_alive()

    def stop(self, *, drain_seconds: float) -> None:
        """Take no more requests, let the open ones finish for so long, end the rest with `shutdown`; then return."""
        with self._lock:
            if self._accepting:
                self._accepting, self._drain_seconds = False, drain_seconds
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(drain_seconds + GRACE_SECONDS)
        self._end_all("shutdown", SHUTDOWN)

    def _main(self) -> None:
        code, error = "shutdown", SHUTDOWN
        try:
            asyncio.run(self._live())
        except BaseException:
            logger.critical("The thread of the upstreams died", exc_info=True)
            code, error = "lost", INTERNAL
        finally:
            with self._lock:
                self._accepting = False
            self._started.set()
            self._end_all(code, error)

    async def _live(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        # A connection for each request: none is kept, so each goes to an address that was checked for it.
        async with httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=CheckedNetwork(self._config.rules),
        ) as self._pool:
            self._accepting = True
            self._started.set()
            await self._stopping.wait()
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=self._drain_seconds)
            self._ending = True
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, ticket: TextTicket) -> None:
        task = self._loop.create_task(self._serve(ticket), name=ticket.id)
        self._tasks[ticket.id] = task
        task.add_done_callback(lambda done: self._done(ticket, done))

    def _cancel(self, request_id: str) -> None:
        if task := self._tasks.get(request_id):
            task.cancel()

    def _done(self, ticket: TextTicket, task: asyncio.Task[None]) -> None:
        self._tasks.pop(ticket.id, None)
        if task.cancelled():  # perhaps before it began
            if self._ending:
                ticket.fail("shutdown", SHUTDOWN)
            ticket.finish(FinishReason.CANCELLED)

    async def _serve(self, ticket: TextTicket) -> None:
        if ticket.request.images:
            ticket.fail("bad_request", BLIND)
            return
        try:
            upstream = await asyncio.to_thread(self._source.upstream, ticket.request.model)
            await Call(ticket, upstream, self._pool, self._config).run()
        except ModelUnavailable as error:
            ticket.fail("load_failed", str(error))
        except UpstreamFailure as failure:
            # Not its sentence: that quotes the server, which may quote the prompt.
            logger.warning("request %s failed: %s", ticket.id, failure.code)
            ticket.fail(failure.code, failure.message)
        except Exception:
            logger.exception("request %s failed", ticket.id)
            ticket.fail("internal", INTERNAL)

    def _forget(self, ticket: TextTicket) -> None:
        with self._lock:
            self._open.pop(ticket.id, None)

    def _end_all(self, code: str, error: str) -> None:
        for ticket in list(self._open.values()):
            ticket.fail(code, error)
