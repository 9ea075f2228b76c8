"""Where an upstream is, and how it is asked. Plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from engine.remote.addresses import AddressRules

MAX_URL = 200
MAX_KEY = 1000
CHAT = "/chat/completions"
VISIBLE = re.compile(r"[!-~]+")
"""What may stand in an HTTP header and in an address, without spaces."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One model of one server. Raises ValueError with a sentence, which never holds the key."""

    base_url: str
    """As `clean_base_url` gives it: `https://gpu.example.org:8000/v1`."""
    model: str
    """What the server calls it."""
    api_key: str = field(default="", repr=False)
    first_token_seconds: float = 120.0
    """From the connection to the first token: loading and reading a long prompt included."""
    between_tokens_seconds: float = 60.0
    opens_reasoning: bool = False
    """Whether its chat template writes `<think>`, so that answers begin inside the reasoning. Counts where the server
    doesn't tell reasoning apart itself."""

    def __post_init__(self) -> None:
        if self.base_url != clean_base_url(self.base_url):
            raise ValueError("Write the address as clean_base_url gives it.")
        check_api_key(self.api_key)

    @property
    def host(self) -> str:
        """With its port, where that is given."""
        return urlsplit(self.base_url).netloc

    @property
    def chat_url(self) -> str:
        return self.base_url + CHAT


class UpstreamSource(Protocol):
    def upstream(self, model: str) -> Upstream:
        """Asked anew for every request, in a thread of its own. Raises engine.source.ModelUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """How all upstreams are reached."""

    rules: AddressRules = field(default_factory=AddressRules)
    connect_seconds: float = 5.0
    attempts: int = 4
    """Before the first token only; after it nothing is ever sent again."""
    backoff_seconds: float = 0.5
    """Before the second attempt; doubled for each further one."""
    longest_wait_seconds: float = 30.0
    """A server that asks to wait longer (Retry-After) is not asked again."""


def clean_base_url(text: str) -> str:
    """`http://Host:8000/v1/` or `…/v1/chat/completions` → `http://host:8000/v1`. Raises ValueError with a sentence."""
    text = text.strip()
    if not VISIBLE.fullmatch(text) or len(text) > MAX_URL:
        raise ValueError(f"The address must be plain ASCII without spaces, {MAX_URL} characters at most.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text} is no address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("The address must begin with https:// or http:// and name a host.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("The address holds no user, key, ? or #: the key has a field of its own.")
    if port == 0 or "%" in parts.netloc:
        raise ValueError("The address names a host and, where needed, a port from 1 to 65535.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix(CHAT).rstrip("/")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"


def check_api_key(key: str) -> None:
    """Raises ValueError with a sentence that doesn't hold the key."""
    if key and (not VISIBLE.fullmatch(key) or len(key) > MAX_KEY):
        raise ValueError(f"A key is plain ASCII without spaces, {MAX_KEY:,} characters at most.")
