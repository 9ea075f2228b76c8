"""Connections between requests."""

from __future__ import annotations

from http.client import HTTPConnection
from time import sleep


def test_an_idle_connection_is_kept_for_the_next_request(site: str) -> None:
    """Proxies keep theirs for a minute or two; a server that closes one first may cut a request off."""
    connection = HTTPConnection(site.removeprefix("http://"), timeout=30)
    for pause in (6, 0):  # the server's own default is 5 s
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        sleep(pause)
