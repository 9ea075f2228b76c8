"""Connections that go where the address rules allow, and nowhere else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore

from engine.remote.addresses import Address, AddressRules
from engine.remote.failures import UpstreamFailure, unreachable

REFUSED = (
    "The address of this model's server is a private one. Where that is meant, whoever runs this site allows it with "
    "UPSTREAM_ALLOWED_NETWORKS."
)


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name once, judges each address, and connects to one that passed: a name that changes its mind between
    the check and the connection gains nothing. TLS still checks the certificate against the name."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's name for it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _connect(
        self, host: str, port: int, local_address: str | None, options: Iterable[httpcore.SOCKET_OPTION] | None
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._allowed(host, port)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(str(address), port, None, local_address, options)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(str(addresses[-1]), port, None, local_address, options)

    async def _allowed(self, host: str, port: int) -> list[Address]:
        """At least one. Raises UpstreamFailure."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise unreachable("its name could not be resolved") from error
        resolved = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        allowed = [address for address in dict.fromkeys(resolved) if self._rules.allow(host, address)]
        if not allowed:
            raise UpstreamFailure("upstream_refused", REFUSED)
        return allowed
