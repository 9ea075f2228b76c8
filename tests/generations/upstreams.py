"""A model of the catalogue that another server runs, and a worker that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from apps.catalog.models import HostedModel, ModelState
from apps.catalog.upstream_asking import CatalogUpstreams, remote_config
from apps.catalog.upstreams import Served, add_upstream, change_upstream
from apps.generations.runner import Runner
from apps.generations.served import Served as ServedModels
from engine.remote.service import RemoteEngine
from tests.generations.scripted import stopped_at_the_end
from tests.governance.permits import open_to_everyone


def far_model(url: str, name: str = "there", key: str = "sk-tests", **changes: int) -> HostedModel:
    """The model `far`, made or changed."""
    served = Served(url, name, **{"context_length": 4096} | changes)
    if found := HostedModel.objects.filter(pk="far").first():
        change_upstream(actor=None, model=found, served=served, api_key=key)
        return found
    add_upstream(actor=None, model_id="far", name="Far", description="", served=served, api_key=key)
    HostedModel.objects.filter(pk="far").update(state=ModelState.APPROVED)
    return open_to_everyone(HostedModel.objects.get(pk="far"))


@contextmanager
def upstream_worker(slots: int = 4) -> Iterator[Runner]:
    """As the worker process makes it, but it asks again sooner."""
    engine = RemoteEngine(CatalogUpstreams(), replace(remote_config(), backoff_seconds=0.01))
    served = ServedModels(lambda model: None, upstream=True)
    runner = Runner(engine, worker_id="upstreams", device="upstream", slots=slots, served=served)
    engine.start()
    with stopped_at_the_end(runner):
        yield runner
