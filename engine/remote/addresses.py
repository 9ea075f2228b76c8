"""Which addresses an upstream may have: the public internet, and what the operator allows by name.

A server that fetches what it is told to can be made to ask the services beside it: databases without a password, the
cloud's metadata. So an address is judged after its name was resolved, and the connection goes to that very address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?", re.IGNORECASE)
NAT64 = ip_network("64:ff9b::/96")
LOOK_PUBLIC = tuple(map(ip_network, ("168.63.129.16/32", "192.0.0.0/24", "fec0::/10")))
"""Azure's own services; those of other clouds; the site-local addresses of old. Python takes them for public ones."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """`networks` are allowed whatever they are; `hosts` are names that may lead to private and loopback addresses, but
    never to link-local ones, where metadata services live."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AddressRules:
        """From `10.0.0.0/8`, `127.0.0.1`, `fd00::/8`, `gpu.internal`. Raises ValueError with a sentence."""
        networks, hosts = [], set()
        for entry in entries:
            try:
                networks.append(ip_network(entry))
            except ValueError as error:
                if not HOST.fullmatch(entry) or re.fullmatch(r"[0-9.]+", entry):
                    raise ValueError(f"{entry!r} is neither a network such as 10.0.0.0/8 nor a host: {error}") from None
                hosts.add(_plain(entry))
        return cls(tuple(networks), frozenset(hosts))

    def allow(self, host: str, address: Address) -> bool:
        """Whether `host`, which was resolved to `address`, may be connected to there."""
        every = _meant_by(address)
        if any(each in network for each in every for network in self.networks if network.version == each.version):
            return True
        if _plain(host) in self.hosts:
            return not any(_is_special(each) for each in every)
        return all(each.is_global and not _is_special(each) for each in every)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _is_special(address: Address) -> bool:
    if address.is_loopback:  # ::1 also counts as reserved
        return False
    special = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    return special or any(address in network for network in LOOK_PUBLIC)


def _meant_by(address: Address) -> list[Address]:
    """The address, and the IPv4 one that is wrapped in it, where the system or a gateway would unwrap it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, address.sixtofour] if address.sixtofour else [address]
