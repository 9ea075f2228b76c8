"""Requests that nobody sends by mistake: what each address takes, with something in it that it shouldn't have to take.

Reproducible: the same number gives the same request to the same site.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from django.urls import NoReverseMatch, reverse

from tests.matrix.rooms import ROOMS
from tests.matrix.site import Site
from tests.matrix.tables import FORMS, JSON, PAGES, PEOPLE, SIGN_IN, rows
from tests.matrix.things import routes

APPS = Path(__file__).resolve().parents[2] / "apps"
READ = re.compile(r"""(?:GET|POST|FILES|data|body|sent|query)(?:\.get(?:list)?\(|\[)["'](\w+)["']""")
NAMES = sorted({name for path in APPS.rglob("*.py") for name in READ.findall(path.read_text())} | {"next", "page", "q"})
"""Of what views read from queries and bodies."""
ALL_FORMS = FORMS | {key: sent for room in ROOMS for key, sent in room.FORMS.items()}
ALL_JSON = JSON | {key: sent for room in ROOMS for key, sent in room.JSON.items()}
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "ODD")
TAKEN: dict[str, list[str]] = {}
"""For each route the methods that it takes."""
for each in (*rows(PAGES), *rows(SIGN_IN), *(row for room in ROOMS for row in rows(room.ROWS))):
    TAKEN.setdefault(each.route, []).append(each.method)
TEXTS = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff x", "\x1b[31m\r\nX-Header: y", "9" * 400, "-1", "0", "1e999", "nan",
    "-0.0", "٣", "2147483648", "9223372036854775808", "1_000", "0x10", "../../../etc/passwd", "%00", "%s%n{0}{x}",
    "<script>alert(1)</script>", "'; DROP TABLE users; --", "\\", "\u202e\u2066", "é" * 300, "x" * 20_000,
    "9999-12-31T23:59:59.999999+14:00", "0001-01-01", "2026-02-30", "10000-01-01", "on", "true", "null", "[]", "{}",
    "[" * 3000, '{"a":' * 300, "a@b", "@", "@" * 300, "//evil.example", "javascript:alert(1)", "http://[",
    "http://127.0.0.1:99999", "000000000000000g", "0123456789abcdef", "\ufeff", "\U0010ffff",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *TEXTS, None, True, False, 0, -1, 1.5, 10**30, -(10**30), 2**31, 2**63, 1e308, float("inf"), float("nan"), [], {},
    [[]], [None], [{}], {"": ""}, {"\x00": "\x00"}, ["\x00"], ["\ud800"], [0] * 500, {"type": "object"},
    {"a": {"b": {"c": [1, "x", None]}}},
)  # fmt: skip
RAW = (
    b"", b"\x00", b"\xff\xfe", b'{"text": "\xff"}', b"{", b"[]", b"null", b"7", b'"x"', b"[" * 100_000,
    b'{"a":' * 50_000, b'{"a": ' + b"9" * 5000 + b"}", b'{"text": 1e999, "a": NaN, "b": Infinity}',
    b'{"a": 1, "a": 2}', b'{"text": "\\ud800"}', b'{"text": "\\u0000"}', b"a=%00&b=%ff&%=%&&=", b"a=" + b"x" * 70_000,
    b"&".join(b"a=1" for _ in range(3000)), b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--x--",
    b"--x\r\n", "a=\ud83d".encode("utf-16", "surrogatepass"),
)  # fmt: skip
KINDS = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data",
    "text/plain", "", "application/json; charset=utf-16", "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=é", "application/json; charset=é", "image/png",
)  # fmt: skip
HEADERS = (
    ("HTTP_ACCEPT", "application/json"), ("HTTP_ACCEPT_LANGUAGE", "x" * 500), ("HTTP_RANGE", "bytes=9-1"),
    ("HTTP_REFERER", "http://["), ("HTTP_IF_MODIFIED_SINCE", "yesterday"), ("HTTP_IF_NONE_MATCH", '"\xff'),
    ("HTTP_X_REQUEST_ID", "\t;" * 150), ("HTTP_HX_REQUEST", "true"), ("HTTP_X_FORWARDED_FOR", "not, an, address"),
    ("HTTP_AUTHORIZATION", "Bearer \xff"), ("HTTP_COOKIE", "sessionid=\xff; csrftoken=é"),
    ("HTTP_LAST_EVENT_ID", "-1"), ("HTTP_USER_AGENT", "é<" * 400), ("HTTP_X_FORWARDED_PROTO", "gopher"),
    ("HTTP_ACCEPT", "*/*;q=x"),
)  # fmt: skip


class Hostile(NamedTuple):
    """One request, and who sends it."""

    person: str
    route: str
    method: str
    url: str
    body: bytes
    kind: str
    headers: dict[str, str]

    def __str__(self) -> str:
        sent = f" {self.kind!r} {self.body[:300]!r}" if self.body or self.kind else ""
        return f"{self.person}: {self.method} {self.url[:300]}{sent} {self.headers or ''}"


def hostile_request(site: Site, number: int) -> Hostile:
    """The one of this number: the addresses come round one after another, everything else is by chance."""
    chance = random.Random(number)
    route, pattern = ROUTES[number % len(ROUTES)]
    method = chance.choice(TAKEN.get(route, METHODS) if chance.random() < 0.85 else METHODS)
    url = f"/{_path(site, route, pattern, chance)}"
    if chance.random() < 0.5:
        url += f"?{_urlencoded(_more({}, chance, TEXTS))}"
    body, kind = _body(route, chance) if method not in ("GET", "HEAD", "OPTIONS", "TRACE") else (b"", "")
    headers = dict([chance.choice(HEADERS)]) if chance.random() < 0.3 else {}
    person = chance.choice((*PEOPLE, "editor", "owner", "owner", "admin"))  # they get farther than others
    return Hostile(person, route, method, url, body, kind, headers)


ROUTES = sorted(routes())


def _path(site: Site, route: str, pattern: str, chance: random.Random) -> str:
    parts = dict(site.things.get(route) or {})
    if "/" in route:
        return pattern
    try:
        path = reverse(route, kwargs=parts)[1:]
    except NoReverseMatch:
        return pattern
    if not parts or chance.random() < 0.7:
        return path
    name = chance.choice(sorted(parts))
    text = chance.choice((*TEXTS, *[str(id) for other in site.things.values() for id in other.values()]))
    hostile = chance.choice(
        (quote(text[:300], safe="", errors="surrogatepass"), quote(text[:300], errors="surrogatepass"), "%ff%00")
    )
    return path.replace(str(parts[name]), hostile)


def _body(route: str, chance: random.Random) -> tuple[bytes, str]:
    """With what it would be sent as, mostly."""
    if chance.random() < 0.15:
        return chance.choice(RAW), chance.choice(KINDS)
    as_json = ALL_JSON.get((route, "POST"))
    if as_json is not None or chance.random() < 0.1:
        body = json.dumps(_more(as_json or {}, chance, VALUES)).encode(errors="surrogatepass")
        return body, "application/json"
    fields = _more(ALL_FORMS.get((route, "POST"), {}), chance, TEXTS)
    if chance.random() < 0.7:
        return _urlencoded(fields).encode(), "application/x-www-form-urlencoded"
    return _multipart(fields, chance), "multipart/form-data; boundary=x"


def _more(fields: dict[str, Any], chance: random.Random, values: tuple[Any, ...]) -> dict[str, Any]:
    """Some fields with other values, some left out, some that aren't asked for."""
    found = {name: chance.choice(values) if chance.random() < 0.3 else value for name, value in fields.items()}
    if found and chance.random() < 0.2:
        del found[chance.choice(sorted(found))]
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        found[chance.choice((*NAMES, *fields))] = chance.choice(values)
    return found


def _urlencoded(fields: dict[str, Any]) -> str:
    return urlencode(fields, errors="surrogatepass")


def _multipart(fields: dict[str, Any], chance: random.Random) -> bytes:
    parts = []
    for name, value in fields.items():
        data = str(value).encode(errors="surrogatepass")
        more = ""
        if chance.random() < 0.3:
            more = f'; filename="{chance.choice(("x.png", "../../x", "é", ""))}"'
            data = chance.choice((data, b"\x89PNG\r\n\x1a\n" + bytes(50), b""))
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts) + b"--x--\r\n"
