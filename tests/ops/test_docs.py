"""The operations page names every setting and every command: it fails here when it lags behind the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
READ = re.compile(r'env\.(?:string|strings|integer|boolean|choice|path|addresses)\(\s*"([A-Z_]+)"')
READ_PLAINLY = re.compile(r'os\.environ(?:\.get\(|\[)"([A-Z_]+)"')
OF_THE_SYSTEM = {"PATH", "DJANGO_SETTINGS_MODULE", "HOME", "LANG"}


def _settings() -> set[str]:
    sources = [
        path.read_text() for folder in ("aiplatform", "apps", "engine") for path in (ROOT / folder).rglob("*.py")
    ]
    found = {name for text in sources for pattern in (READ, READ_PLAINLY) for name in pattern.findall(text)}
    return found - OF_THE_SYSTEM


def _commands() -> set[str]:
    found = [path for folder in ("aiplatform", "apps") for path in (ROOT / folder).rglob("management/commands/*.py")]
    return {path.stem for path in found} - {"__init__"}


@pytest.mark.parametrize("name", sorted(_settings()))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_is_documented(name: str) -> None:
    assert f"| `{name}` |" in PAGE


def test_no_setting_is_documented_that_is_not_read() -> None:
    table = PAGE.split("## Settings")[1].split("\n## ")[0]
    documented = {name for row in re.findall(r"^\| (`.+?) \|", table, re.M) for name in re.findall(r"`([A-Z_]+)`", row)}
    oidc = {
        "OIDC_SERVER_URL",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
        "OIDC_ID",
        "OIDC_NAME",
    }  # read by env.openid_connect
    assert documented - _settings() - oidc == set()
