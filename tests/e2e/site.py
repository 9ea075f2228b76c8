"""The site that a browser visits: started as `make up` starts it, with data of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiplatform.supervisor.background import background_site

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("ATRIUM_ENV", "ATRIUM_DATA", "DATABASE_URL", "REDIS_URL", "SITE_URL", "HOST", "PORT")


@contextmanager
def running_site(data: Path, models: Path, **settings: str) -> Iterator[str]:
    """Its address. `models` is a model store that holds the demo model already."""
    own = environment(MODEL_STORE=str(models), STATIC_ROOT=str(data / "static"), ENGINE_COMPILE="off", **settings)
    with background_site(ROOT, data, port=_free_port(), environment=own) as url:
        yield url


def environment(**own: str) -> dict[str, str]:
    """Of a process of the site, which has nothing to do with the servers that these tests run beside."""
    return {name: value for name, value in os.environ.items() if name not in OURS} | own


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
