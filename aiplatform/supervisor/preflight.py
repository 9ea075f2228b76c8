"""What must hold before anything is started; each refusal is one sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from pathlib import Path
from typing import IO

from aiplatform.supervisor.plan import CannotStart, Plan, running_site

MINIMUM_FREE_BYTES = 1_000_000_000


def check(plan: Plan) -> IO[str]:
    """Checks folder, lock, disk and port. Returns the lock, held as long as it stays open. Raises CannotStart."""
    lock = _lock(_writable_folder(plan.data), plan)
    _check_disk(plan.data)
    _check_port(plan)
    return lock


def _writable_folder(data: Path) -> Path:
    try:
        (data / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The data folder {data} can't be written: {error.strerror}.") from error
    return data


def _lock(data: Path, plan: Plan) -> IO[str]:
    """One site for each data folder: two would start two databases over the same files."""
    lock = (data / "up.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found = running_site(data)
        where = f" at {found['url']} (process {found['pid']})" if found else ", or is just starting"
        raise CannotStart(
            f"Atrium is already running in this folder{where}. Stop it there with Ctrl-C first."
        ) from None
    return lock


def _check_disk(data: Path) -> None:
    free = shutil.disk_usage(data).free
    if free < MINIMUM_FREE_BYTES:
        raise CannotStart(
            f"Only {free // 1_000_000} MB are free where {data} lies, and Atrium needs "
            f"{MINIMUM_FREE_BYTES // 1_000_000} MB. Free some space, or put the data elsewhere with ATRIUM_DATA."
        )


def _check_port(plan: Plan) -> None:
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As uvicorn will: a port whose last user just went away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((plan.host, plan.port))
        except OSError as error:
            raise CannotStart(_why_not(plan, error)) from error


def _why_not(plan: Plan, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {plan.port} is taken by another program. Stop that one, or choose another port: "
            f"make up PORT={plan.port + 1}"
        )
    if error.errno == errno.EACCES:
        return f"Ports below 1024, such as {plan.port}, are for root alone. Choose another one: make up PORT=8000"
    return f"HOST is {plan.host!r}, which is no address of this machine: {os.strerror(error.errno or 0) or error}."
