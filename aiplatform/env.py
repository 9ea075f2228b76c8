"""Typed readers of environment variables. A wrong value stops the start with one clear sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from engine.remote.addresses import AddressRules

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def string(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def boolean(name: str, default: bool) -> bool:
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {raw!r}; write 1 or 0.")


@overload
def integer(name: str, default: int, *, minimum: int | None = None) -> int: ...
@overload
def integer(name: str, default: None, *, minimum: int | None = None) -> int | None: ...
def integer(name: str, default: int | None, *, minimum: int | None = None) -> int | None:
    raw = os.environ.get(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {raw!r}; write a whole number.") from None
    if minimum is not None and value < minimum:
        raise ImproperlyConfigured(f"{name} is {value}; the smallest allowed is {minimum}.")
    return value


def strings(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list."""
    raw = os.environ.get(name)
    if raw is None:
        return list(default)
    return [part.strip() for part in raw.split(",") if part.strip()]


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name) or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; allowed: {', '.join(allowed)}.")
    return value


def addresses(name: str) -> AddressRules:
    """Networks, addresses and host names, with commas between."""
    try:
        return AddressRules.parse(strings(name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def path(name: str, default: Path) -> Path:
    raw = os.environ.get(name)
    return Path(raw).expanduser().resolve() if raw else default


def database(url: str, *, pool_size: int, prepared: bool) -> Mapping[str, Any]:
    """Django's database settings from `postgresql://user:password@host:port/name?option=value`.

    With `pool_size` above 0 connections come from psycopg's pool; `host=` in the query names a socket folder.
    `prepared`: statements of apps/lib/prepared.py are kept by the connection, with one plan for all values.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or parts.hostname or ""
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    if prepared:
        options["prepare_threshold"] = 0
        options["options"] = f"{options.get('options', '')} -c plan_cache_mode=force_generic_plan".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def openid_connect() -> dict[str, Any]:
    """allauth's provider settings from OIDC_*; empty where none is configured, an error where it is half configured."""
    given = {name: string(f"OIDC_{name}") for name in ("SERVER_URL", "CLIENT_ID", "CLIENT_SECRET")}
    if not any(given.values()):
        return {}
    if missing := [f"OIDC_{name}" for name, value in given.items() if not value]:
        raise ImproperlyConfigured(f"Sign-in through OpenID Connect also needs {' and '.join(missing)}.")
    app = {
        "provider_id": string("OIDC_ID", "oidc"),
        "name": string("OIDC_NAME", "single sign-on"),
        "client_id": given["CLIENT_ID"],
        "secret": given["CLIENT_SECRET"],
        "settings": {"server_url": given["SERVER_URL"]},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}
