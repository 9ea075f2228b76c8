"""How an upstream of the catalogue is asked: by workers for every request, and by an administrator who tries it out."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import NamedTuple

from django.conf import settings

from apps.audit.models import AuditEvent
from apps.audit.record import Actor, record
from apps.catalog.actions import target_of
from apps.catalog.errors import CatalogError
from apps.catalog.models import HostedModel, Upstream
from apps.catalog.upstreams import PURPOSE, upstream_of
from apps.lib.database import borrowed_connection
from apps.lib.sealing import Unreadable, unseal
from engine.remote.service import RemoteEngine
from engine.remote.upstream import RemoteConfig
from engine.remote.upstream import Upstream as Target
from engine.source import ModelUnavailable
from engine.types import Event, FinishEvent, FinishReason, GenerationRequest, SamplingParams, TextEvent

LOST_KEY = (
    "The key for the server of this model can't be read, since SECRET_KEY has changed. An administrator gives it again."
)
GONE = "The server of this model is no longer known here."
TRY_SECONDS = 20.0
TOO_SLOW = f"It began to answer, but a few words were not written within {2 * TRY_SECONDS:g} seconds."
WORDS = {"role": "user", "content": "Say hello."}


class CatalogUpstreams:
    """Reads the catalogue anew for every request: a new key counts at once."""

    def upstream(self, model: str) -> Target:
        """`model` is the digest of a version. Raises ModelUnavailable."""
        with borrowed_connection():
            found = Upstream.objects.filter(version__digest=model).first()
        if found is None:
            raise ModelUnavailable(GONE)
        return target(found)


class Trial(NamedTuple):
    works: bool
    sentence: str


def remote_config() -> RemoteConfig:
    return RemoteConfig(rules=settings.UPSTREAM_ADDRESSES)


def target(upstream: Upstream) -> Target:
    """With its key opened. Raises ModelUnavailable where that can't be."""
    try:
        key = unseal(upstream.sealed_key, PURPOSE) if upstream.sealed_key else ""
    except Unreadable as error:
        raise ModelUnavailable(LOST_KEY) from error
    limits = float(upstream.first_token_seconds), float(upstream.between_tokens_seconds)
    return Target(upstream.base_url, upstream.model_name, key, *limits, opens_reasoning=upstream.opens_reasoning)


def try_upstream(*, actor: Actor | None, model: HostedModel) -> Trial:
    """Ask for a few words, as a worker would but only once, and say what came of it."""
    try:
        found = target(upstream_of(model))
    except (ModelUnavailable, CatalogError) as error:
        trial = Trial(False, str(error))
    else:
        trial = _ask(replace(found, first_token_seconds=TRY_SECONDS, between_tokens_seconds=TRY_SECONDS))
    outcome = AuditEvent.Outcome.ALLOWED if trial.works else AuditEvent.Outcome.FAILED
    record("model.upstream.tested", actor=actor, target=target_of(model), outcome=outcome)
    return trial


class _One:
    def __init__(self, target: Target) -> None:
        self._target = target

    def upstream(self, model: str) -> Target:
        return self._target


def _ask(target: Target) -> Trial:
    engine = RemoteEngine(_One(target), replace(remote_config(), attempts=1))
    ended, events = threading.Event(), list[Event]()

    def sink(event: Event) -> None:
        events.append(event)
        if isinstance(event, FinishEvent):
            ended.set()

    engine.start()
    try:
        params = SamplingParams(max_tokens=16, temperature=0)
        engine.submit(GenerationRequest("trial", "", (), params, (WORDS,)), sink)
        in_time = ended.wait(2 * TRY_SECONDS)
    finally:
        engine.stop(drain_seconds=0)
    return _told(events) if in_time else Trial(False, TOO_SLOW)


def _told(events: list[Event]) -> Trial:
    last = events[-1]
    assert isinstance(last, FinishEvent)
    if last.reason == FinishReason.ERROR:
        return Trial(False, last.error)
    text = "".join(event.text for event in events if isinstance(event, TextEvent))
    first = f" after {last.usage.ttft_ms / 1000:.1f} s" if last.usage.ttft_ms is not None else ""
    count = "it does not count tokens, so usage will be estimated" if last.usage.estimated else "it counts tokens"
    return Trial(True, f"It answered{first}: “{' '.join(text.split())[:80]}”; {count}.")
