"""The engine of models that run on this machine, set up from the settings. The only room that brings in torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from django.conf import settings
from prometheus_client import REGISTRY

from apps.catalog.store import model_store
from apps.generations.engine_metrics import EngineCollector
from apps.generations.load_times import known_load_times

# Before torch is loaded: its threads spin for some microseconds while they wait for each other, and no longer, because
# the web process, PostgreSQL and Redis often share these cores.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from engine.config import Attention, Compile, DType, EngineConfig
from engine.device import pick_device
from engine.load_times import LoadTimes
from engine.service import EngineThread, ModelUnavailable
from engine.store import StoreError


class StoreSource:
    """Where the engine gets its models and adapters: from the store, every byte verified once per process."""

    def path(self, model: str) -> Path:
        try:
            return model_store().verified_path(model)
        except StoreError as error:
            raise ModelUnavailable(str(error)) from error


def local_engine() -> tuple[EngineThread, str, LoadTimes]:
    """Not yet started, the name of its device, and what it measures of loads. Needs a database connection."""
    config = engine_config()
    device = str(pick_device(config))
    load_times = known_load_times(device)
    engine = EngineThread(StoreSource(), config, load_times)
    REGISTRY.register(EngineCollector(engine.metrics))
    return engine, device, load_times


def engine_config() -> EngineConfig:
    """From the settings ENGINE_…, WORKER_SLOTS and MAX_CONTEXT."""
    return EngineConfig(
        device=settings.ENGINE_DEVICE,
        dtype=cast(DType, settings.ENGINE_DTYPE),
        max_sequences=settings.WORKER_SLOTS,
        max_context=settings.MAX_CONTEXT,
        max_resident=settings.ENGINE_MAX_RESIDENT,
        max_adapters=settings.ENGINE_MAX_ADAPTERS,
        max_pictures=settings.ENGINE_MAX_PICTURES,
        checkpoint_seconds=settings.ENGINE_CHECKPOINT_SECONDS,
        memory_mb=settings.ENGINE_MEMORY_MB,
        threads=settings.ENGINE_THREADS,
        cache_mb=settings.ENGINE_CACHE_MB,
        share_prefixes=settings.ENGINE_SHARE_PREFIXES,
        attention=cast(Attention, settings.ENGINE_ATTENTION),
        compile=cast(Compile, settings.ENGINE_COMPILE),
    )
