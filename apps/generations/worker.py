"""The worker process: what Celery starts and stops around the engine. The only room that brings in torch.

celery -A aiplatform worker --pool=threads
"""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any, cast

from celery import bootsteps, signals
from celery.worker import state
from django.conf import settings
from prometheus_client import start_http_server

from apps.catalog.models import HostedModel
from apps.catalog.store import model_store
from apps.generations.runner import Runner
from apps.generations.served import Served, new_worker_id
from apps.generations.tasks import no_longer, on_ring
from apps.lib.database import borrowed_connection

# Before torch is loaded: its threads must not spin while they wait for each other, because the web process,
# PostgreSQL and Redis often share these cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from engine.config import Attention, DType, EngineConfig
from engine.device import pick_device
from engine.service import EngineThread, ModelUnavailable
from engine.store import StoreError

logger = logging.getLogger(__name__)


class StoreSource:
    """Where the engine gets its models: from the store, every byte verified once per process."""

    def path(self, model: str) -> Path:
        try:
            return model_store().verified_path(model)
        except StoreError as error:
            raise ModelUnavailable(str(error)) from error


class Generations(bootsteps.StartStopStep):
    """Starts the engine and the runner before the worker hears its queues, and drains them when it ends.

    SIGTERM: claims nothing more, finishes what it can in WORKER_DRAIN_SECONDS and puts the rest back into the queue.
    A second SIGTERM or a SIGQUIT: puts all of it back now.
    """

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        self._terms = 0
        self._worker = worker
        config = engine_config()
        self._engine = EngineThread(StoreSource(), config)
        self._served = Served(self._consume)
        self._runner = Runner(
            self._engine,
            worker_id=new_worker_id(),
            device=str(pick_device(config)),
            slots=config.max_sequences,
            served=self._served,
            on_broken=_end_process,
        )
        if settings.WORKER_METRICS_PORT:
            start_http_server(settings.WORKER_METRICS_PORT)
        signals.worker_shutting_down.connect(self._shutting_down)
        with borrowed_connection():
            for queue in self._queues():
                worker.app.amqp.queues.select_add(queue)
        self._engine.start()
        self._runner.start()
        on_ring(self._runner.ring)
        logger.info("worker %s takes jobs", self._runner.worker_id)

    def stop(self, worker: Any) -> None:
        no_longer(self._runner.ring)
        self._runner.stop(drain_seconds=settings.WORKER_DRAIN_SECONDS, hurry=self._is_urgent)
        logger.info("worker %s has stopped", self._runner.worker_id)

    def terminate(self, worker: Any) -> None:
        no_longer(self._runner.ring)
        self._runner.stop(drain_seconds=0)

    def _shutting_down(self, **_: Any) -> None:
        """In the signal handler."""
        self._terms += 1
        self._runner.stop_claiming()

    def _is_urgent(self) -> bool:
        return self._terms > 1 or bool(state.should_terminate)

    def _queues(self) -> list[str]:
        self._served()
        return [model.queue for model in self._served.models()]

    def _consume(self, model: HostedModel) -> None:
        """Hear the doorbell of a model that was installed while we run."""
        consumer = getattr(self._worker, "consumer", None)
        if consumer is not None and consumer.task_consumer is not None:
            consumer.call_soon(consumer.add_task_queue, model.queue)


def engine_config() -> EngineConfig:
    """From the settings ENGINE_…, WORKER_SLOTS and MAX_CONTEXT."""
    return EngineConfig(
        device=settings.ENGINE_DEVICE,
        dtype=cast(DType, settings.ENGINE_DTYPE),
        max_sequences=settings.WORKER_SLOTS,
        max_context=settings.MAX_CONTEXT,
        max_resident=settings.ENGINE_MAX_RESIDENT,
        threads=settings.ENGINE_THREADS,
        cache_mb=settings.ENGINE_CACHE_MB,
        share_prefixes=settings.ENGINE_SHARE_PREFIXES,
        attention=cast(Attention, settings.ENGINE_ATTENTION),
    )


def _end_process() -> None:
    """The engine is broken beyond repair: whoever supervises us starts a new worker."""
    os.kill(os.getpid(), signal.SIGTERM)
