"""The worker process: what Celery starts and stops around the engines.

celery -A aiplatform worker --pool=threads
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from celery import bootsteps, signals
from celery.worker import state
from django.conf import settings
from prometheus_client import start_http_server

from apps.catalog.models import HostedModel
from apps.catalog.upstream_asking import CatalogUpstreams, remote_config
from apps.generations.load_times import keep_load_times
from apps.generations.loops import Loop
from apps.generations.runner import SETTLE_SECONDS, Engine, Runner
from apps.generations.served import Served, new_worker_id
from apps.generations.tasks import no_longer, on_ring
from apps.lib.database import borrowed_connection
from engine.remote.service import RemoteEngine

NO_DEVICE = "none"
"""As ENGINE_DEVICE: nothing runs here, so torch need not even be installed."""
UPSTREAM = "upstream"
"""What stands in place of a device for models that other servers run."""

SWITCH_SECONDS = 0.0005
"""How long the engine's thread, back from an operator, waits at most for Python's lock, which the threads that write
down its words hold meanwhile. Python's own 5 ms are a tenth of a step."""

logger = logging.getLogger(__name__)


class Generations(bootsteps.StartStopStep):
    """Starts the engines, each with its runner, before the worker hears its queues, and drains them when it ends.

    SIGTERM: claims nothing more, finishes what it can in WORKER_DRAIN_SECONDS and puts the rest back into the queue.
    A second SIGTERM or a SIGQUIT: puts all of it back now.
    """

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        self._terms = 0
        self._worker = worker
        self._served: list[Served] = []
        self._runners: list[Runner] = []
        self._loops: list[Loop] = []
        if settings.ENGINE_DEVICE != NO_DEVICE:
            self._start_local()
        remote = RemoteEngine(CatalogUpstreams(), remote_config())
        self._add(remote, UPSTREAM, settings.UPSTREAM_SLOTS, Served(self._consume, upstream=True))
        remote.start()
        if settings.WORKER_METRICS_PORT:
            start_http_server(settings.WORKER_METRICS_PORT)
        signals.worker_shutting_down.connect(self._shutting_down)
        with borrowed_connection():
            for queue in self._queues():
                worker.app.amqp.queues.select_add(queue)
        for loop in self._loops:
            loop.start()
        for runner in self._runners:
            runner.start()
            on_ring(runner.ring)
            logger.info("worker %s takes jobs", runner.worker_id)

    def stop(self, worker: Any) -> None:
        self._stop_all(settings.WORKER_DRAIN_SECONDS)

    def terminate(self, worker: Any) -> None:
        self._stop_all(0)

    def _start_local(self) -> None:
        # Here and not above: a worker that only asks other servers runs where torch is not installed.
        from apps.generations.local_engine import local_engine

        sys.setswitchinterval(SWITCH_SECONDS)
        with borrowed_connection():
            engine, device, load_times = local_engine()
        keeping = Loop("load-times", settings.HEARTBEAT_SECONDS, partial(keep_load_times, device, load_times))
        self._loops.append(keeping)
        self._add(engine, device, settings.WORKER_SLOTS, Served(self._consume, upstream=False))
        engine.start()

    def _add(self, engine: Engine, device: str, slots: int, served: Served) -> None:
        """A runner of its own for each engine: slow answers of one hold up nothing of the other."""
        self._served.append(served)
        self._runners.append(
            Runner(engine, worker_id=new_worker_id(), device=device, slots=slots, served=served, on_broken=_end_process)
        )

    def _stop_all(self, drain_seconds: float) -> None:
        for runner in self._runners:
            no_longer(runner.ring)
        with ThreadPoolExecutor(len(self._runners), thread_name_prefix="stopping") as stopping:
            for runner in self._runners:
                stopping.submit(runner.stop, drain_seconds=drain_seconds, hurry=self._is_urgent)
        for loop in self._loops:
            loop.stop()
            loop.join(SETTLE_SECONDS)
        logger.info("worker %s has stopped", " and ".join(runner.worker_id for runner in self._runners))

    def _shutting_down(self, **_: Any) -> None:
        """In the signal handler."""
        self._terms += 1
        for runner in self._runners:
            runner.stop_claiming()

    def _is_urgent(self) -> bool:
        return self._terms > 1 or bool(state.should_terminate)

    def _queues(self) -> list[str]:
        for served in self._served:
            served()
        return [model.queue for served in self._served for model in served.models()]

    def _consume(self, model: HostedModel) -> None:
        """Hear the doorbell of a model that was installed while we run."""
        consumer = getattr(self._worker, "consumer", None)
        if consumer is not None and consumer.task_consumer is not None:
            consumer.call_soon(consumer.add_task_queue, model.queue)


def _end_process() -> None:
    """An engine is broken beyond repair: whoever supervises us starts a new worker."""
    os.kill(os.getpid(), signal.SIGTERM)
