"""An engine of upstreams for tests: loopback is allowed, and nothing is waited for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.remote.addresses import AddressRules
from engine.remote.service import RemoteEngine
from engine.remote.upstream import RemoteConfig, Upstream
from engine.source import ModelUnavailable
from engine.types import GenerationRequest, SamplingParams
from tests.engine.recorder import Recorder

LOOPBACK = AddressRules.parse(["127.0.0.0/8"])


class Upstreams:
    def __init__(self, **upstreams: Upstream) -> None:
        self.upstreams = upstreams

    def upstream(self, model: str) -> Upstream:
        if model not in self.upstreams:
            raise ModelUnavailable(f"There is no model “{model}” here.")
        return self.upstreams[model]


@contextmanager
def remote_engine(
    url: str, rules: AddressRules = LOOPBACK, backoff_seconds: float = 0.01, **of_upstream: Any
) -> Iterator[RemoteEngine]:
    """Serves the model `far` from `url`."""
    upstream = Upstream(url, of_upstream.pop("model", "far"), **of_upstream)
    engine = RemoteEngine(
        Upstreams(far=upstream), RemoteConfig(rules, backoff_seconds=backoff_seconds, longest_wait_seconds=600)
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(drain_seconds=0)


def ask(
    engine: RemoteEngine,
    text: str = "Say something",
    params: SamplingParams | None = None,
    request_id: str = "one",
    on_event: Any = None,
) -> Recorder:
    recorder = Recorder(request_id, on_event)
    messages = ({"role": "user", "content": text},)
    engine.submit(GenerationRequest(request_id, "far", (), params or SamplingParams(max_tokens=40), messages), recorder)
    return recorder
